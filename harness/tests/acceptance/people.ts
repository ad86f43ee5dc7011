import { must, type World, type WorldGateway } from './world.ts';

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly token: string;
}

export interface SeededRow {
  readonly id: string;
  readonly resource: string;
  readonly owner: string;
  readonly team: string | null;
  readonly title: string;
}

export interface Seeded {
  readonly alice: Person;
  readonly bob: Person;
  readonly carol: Person;
  /** Local users of the home gateway. */
  readonly ann: Person;
  readonly ben: Person;
  /** Alice is in T1 and T2, Bob in T1, Carol in T3. */
  readonly T1: string;
  readonly T2: string;
  readonly T3: string;
  readonly rows: readonly SeededRow[];
}

const makePerson = async (gateway: WorldGateway, name: string): Promise<Person> => {
  const user = await must(201, gateway, '/api/admin/users', { body: { name } });
  const token = await must(201, gateway, '/api/admin/tokens', {
    body: { user_id: user.id, name: 'acceptance' },
  });
  return { id: user.id, name, token: token.text };
};

const makeTeam = async (gateway: WorldGateway, name: string, members: readonly Person[]): Promise<string> => {
  const team = await must(201, gateway, '/api/admin/teams', { body: { name } });
  for (const member of members) {
    await must(200, gateway, `/api/admin/teams/${team.id}/members/${member.id}`, {
      method: 'PUT',
      body: { role: 'member' },
    });
  }
  return team.id;
};

/** Adds a row as its owner, through the public API. */
export const addRow = async (
  gateway: WorldGateway,
  owner: Person,
  resource: string,
  title: string,
  team: string | null = null,
): Promise<SeededRow> => {
  const secret =
    resource === 'credentials' || resource === 'api_keys' ? { secret: `canary-secret-of-${title}` } : {};
  const body = { title, ...secret, ...(team === null ? {} : { team_id: team }) };
  const row = await must(201, gateway, `/api/resources/${resource}`, { token: owner.token, body });
  return { id: row.id, resource, owner: owner.id, team, title };
};

/** People, teams and rows at work, two people and a few rows at home. Names are unique per `prefix`. */
export const seedPeople = async ({ home, work }: World, prefix: string): Promise<Seeded> => {
  const [alice, bob, carol] = [
    await makePerson(work, `${prefix}alice`),
    await makePerson(work, `${prefix}bob`),
    await makePerson(work, `${prefix}carol`),
  ];
  const [ann, ben] = [await makePerson(home, `${prefix}ann`), await makePerson(home, `${prefix}ben`)];
  const T1 = await makeTeam(work, `${prefix}t1`, [alice, bob]);
  const T2 = await makeTeam(work, `${prefix}t2`, [alice]);
  const T3 = await makeTeam(work, `${prefix}t3`, [carol]);
  const rows: SeededRow[] = [];
  for (const resource of ['tasks', 'notes', 'credentials']) {
    for (const [owner, team] of [
      [alice, null],
      [alice, null],
      [alice, T1],
      [bob, T1],
      [alice, T2],
      [bob, null],
      [carol, T3],
      [carol, null],
    ] as const) {
      rows.push(await addRow(work, owner, resource, `${resource} ${rows.length}`, team));
    }
  }
  await addRow(home, ann, 'tasks', 'water the plants');
  await addRow(home, ben, 'tasks', 'a task of ben');
  return { alice, bob, carol, ann, ben, T1, T2, T3, rows };
};

export interface Enrolled {
  readonly grantId: string;
  readonly peerId: string;
  readonly peerName: string;
}

/** Creates a grant at work and enrolls it at home for a local user, as two administrators would. */
export const grantAndEnroll = async (
  { home, work }: World,
  input: {
    readonly subject: Person;
    readonly localUser: Person;
    readonly peerName: string;
    readonly scope: unknown;
    readonly approveSensitive?: boolean;
    /** 0 by default: most cases change something and look at once. null for the product's default. */
    readonly cacheTtlSeconds?: number | null;
  },
): Promise<Enrolled> => {
  const created = await must(201, work, '/api/admin/grants', {
    body: {
      user: input.subject.name,
      peer: `home-of-${input.localUser.name}-${input.peerName}`,
      scope: input.scope,
      ...(input.approveSensitive === true ? { approve_sensitive: true } : {}),
      cache_ttl_seconds: input.cacheTtlSeconds === undefined ? 0 : input.cacheTtlSeconds,
    },
  });
  const peer = await must(201, home, '/api/admin/peers', {
    body: { enrollment_url: created.enrollment.url, user: input.localUser.name, name: input.peerName },
  });
  return { grantId: created.grant.id, peerId: (peer.peer ?? peer).id, peerName: input.peerName };
};
