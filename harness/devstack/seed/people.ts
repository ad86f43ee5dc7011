import { send, type Caller } from './api.ts';

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly token: string;
}

/** A user with a token of their own. */
export const addPerson = async (admin: Caller, name: string): Promise<Person> => {
  const { id } = await send(admin, '/api/admin/users', { name });
  const { text } = await send(admin, '/api/admin/tokens', { user_id: id, name: 'harness' });
  return { id, name, token: text };
};

const addTeam = async (admin: Caller, name: string, members: readonly Person[]): Promise<string> => {
  const { id } = await send(admin, '/api/admin/teams', { name });
  for (const member of members)
    await send(admin, `/api/admin/teams/${id}/members/${member.id}`, { role: 'member' }, 'PUT');
  return id;
};

interface Row {
  readonly title: string;
  readonly team_id?: string;
  readonly secret?: string;
}

const addRow = (admin: Caller, { token }: Person, resource: string, row: Row) =>
  send({ ...admin, token }, `/api/resources/${resource}`, row);

export interface Work {
  /** Whose data the grants are about; in both teams. */
  readonly subject: Person;
  readonly colleague: Person;
  readonly teamT1: string;
}

/** People, teams and rows of B. */
export const fillWork = async (admin: Caller): Promise<Work> => {
  const subject = await addPerson(admin, 'sam');
  const colleague = await addPerson(admin, 'casey');
  const teamT1 = await addTeam(admin, 't1', [subject, colleague]);
  const teamT2 = await addTeam(admin, 't2', [subject]);
  const rows: readonly (readonly [Person, string, Row])[] = [
    [subject, 'tasks', { title: 'Write the quarterly report' }],
    [subject, 'tasks', { title: 'Book the train' }],
    [subject, 'tasks', { title: 'Review the T1 roadmap', team_id: teamT1 }],
    [colleague, 'tasks', { title: 'Order hardware for T1', team_id: teamT1 }],
    [subject, 'tasks', { title: 'Plan the T2 sprint', team_id: teamT2 }],
    [colleague, 'tasks', { title: 'Call the dentist' }],
    [subject, 'notes', { title: 'Ideas for the offsite' }],
    [subject, 'notes', { title: 'Minutes of T1', team_id: teamT1 }],
    [colleague, 'notes', { title: 'A private note' }],
    [subject, 'credentials', { title: 'Staging login', secret: crypto.randomUUID() }],
    [colleague, 'credentials', { title: 'Payroll login', secret: crypto.randomUUID() }],
  ];
  for (const [owner, resource, row] of rows) await addRow(admin, owner, resource, row);
  return { subject, colleague, teamT1 };
};

/** The person at A that the peers will belong to, with rows of their own. */
export const fillHome = async (admin: Caller): Promise<Person> => {
  const owner = await addPerson(admin, 'sam-at-home');
  for (const title of ['Water the plants', 'Fix the bike']) await addRow(admin, owner, 'tasks', { title });
  await addRow(admin, owner, 'notes', { title: 'Recipes' });
  return owner;
};
