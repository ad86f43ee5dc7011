import { z } from 'zod';
import {
  bootstrapAnswer,
  newTokenAnswer,
  rowAnswer,
  teamAnswer,
  userAnswer,
  anyAnswer,
} from '../client/answers.ts';
import type { Api } from '../client/api.ts';

/** A row of the demo; `team` by name, none for a personal row. */
interface DemoRow {
  readonly by: string;
  readonly resource: 'tasks' | 'notes' | 'credentials';
  readonly team?: string;
  readonly fields: Readonly<Record<string, string>>;
}

interface Cast {
  readonly teams: Readonly<Record<string, readonly string[]>>;
  readonly people: readonly string[];
  readonly rows: readonly DemoRow[];
}

const task = (by: string, title: string, team?: string, status = 'open'): DemoRow => ({
  by,
  resource: 'tasks',
  ...(team === undefined ? {} : { team }),
  fields: { title, status },
});

/** Alice's day job: what is hers, what is her teams', and what is none of her business. */
export const WORK: Cast = {
  people: ['alice', 'bob', 'carol'],
  teams: { platform: ['alice', 'bob'], design: ['alice', 'carol'], finance: ['carol'] },
  rows: [
    task('alice', 'Prepare the capacity review'),
    task('bob', 'Renew the staging certificates', 'platform', 'in_progress'),
    task('carol', 'Pick colours for the dashboard', 'design'),
    task('alice', 'Ask Bob about the retry budget'),
    task('bob', 'Negotiate my own raise'),
    task('alice', 'Rehearse the incident drill', 'platform'),
    task('carol', 'Close the books for October', 'finance'),
    task('alice', 'Comment on the icon set', 'design', 'done'),
    task('carol', 'Plan a surprise party for Alice'),
    task('bob', 'Upgrade the message queue', 'platform'),
    {
      by: 'alice',
      resource: 'notes',
      fields: { title: 'One-on-one with Carol', body: 'Raise the on-call rota.' },
    },
    {
      by: 'bob',
      resource: 'notes',
      team: 'platform',
      fields: { title: 'Queue upgrade runbook', body: 'Drain first.' },
    },
    {
      by: 'alice',
      resource: 'credentials',
      fields: { title: 'VPN', username: 'alice', secret: 'never leaves work' },
    },
  ],
};

export const HOME: Cast = {
  people: ['alice'],
  teams: {},
  rows: [
    task('alice', 'Water the tomatoes'),
    task('alice', 'Call the plumber'),
    task('alice', 'Return library books'),
  ],
};

export interface Stage {
  readonly adminToken: string;
  /** Tokens by person. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Team ids by name. */
  readonly teams: Readonly<Record<string, string>>;
}

/** An API client of the gateway for a token; null before there is any. */
export type ApiFor = (token: string | null) => Api;

/** Brings people, teams and rows to a new gateway, each row written by its author. */
export const perform = async (apiFor: ApiFor, cast: Cast): Promise<Stage> => {
  const setup = await apiFor(null).post('/api/bootstrap/setup', { name: 'admin' }, bootstrapAnswer);
  const adminToken = setup.token.text;
  const admin = apiFor(adminToken);
  const ids: Record<string, string> = {};
  const tokens: Record<string, string> = {};
  const teams: Record<string, string> = {};
  for (const name of cast.people) {
    const user = await admin.post('/api/admin/users', { name }, userAnswer);
    const token = await admin.post('/api/admin/tokens', { user_id: user.id, name: 'demo' }, newTokenAnswer);
    ids[name] = user.id;
    tokens[name] = token.text;
  }
  for (const [name, members] of Object.entries(cast.teams)) {
    const team = await admin.post('/api/admin/teams', { name }, teamAnswer);
    teams[name] = team.id;
    for (const member of members) {
      await admin.put(`/api/admin/teams/${team.id}/members/${ids[member]}`, { role: 'member' }, anyAnswer);
    }
  }
  for (const row of cast.rows) {
    const team = row.team === undefined ? {} : { team_id: teams[row.team] };
    const author = apiFor(tokens[row.by] ?? null);
    await author.post(`/api/resources/${row.resource}`, { ...row.fields, ...team }, rowAnswer);
  }
  return { adminToken, tokens, teams };
};

/** Rows a person sees at the own gateway: what is compared with what arrives at home. */
export const nativeRows = async (
  api: Api,
  resource: string,
): Promise<readonly z.infer<typeof rowAnswer>[]> => {
  const page = z.looseObject({ items: z.array(rowAnswer) });
  return (await api.get(`/api/resources/${resource}`, page, { limit: 200 })).items;
};
