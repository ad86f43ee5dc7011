import { pemToDer } from '../../ca/x509/pem.ts';
import type { Answer, Gateway } from './gateway.testkit.ts';

export interface EnrolledPeer {
  readonly grantId: string;
  readonly peerId: string;
  readonly der: Uint8Array;
  /** Asks for a path below `/federation/v1`. */
  readonly get: (path: string, init?: RequestInit) => Promise<Answer>;
}

/** A grant that somebody enrolled for. */
export const enrolledPeer = async (
  gateway: Gateway,
  user: string,
  scope?: unknown,
  more?: object,
): Promise<EnrolledPeer> => {
  const { grant, token } = await gateway.grant(user, scope, more);
  const { status, text, body } = await gateway.redeem({ token, csr: await gateway.newCsr() });
  if (status !== 201) throw new Error(text);
  const der = pemToDer(body.certificate, 'CERTIFICATE');
  if (!der.ok) throw new Error(der.error);
  return {
    grantId: grant.id,
    peerId: grant.peer.id,
    der: der.value,
    get: (path, init) => gateway.ask(der.value, `/federation/v1${path}`, init),
  };
};

/** Puts rows into a table with the owner's rights, `count` of them, one millisecond apart. */
export const seedRows = async (
  gateway: Gateway,
  table: 'tasks' | 'notes' | 'credentials',
  owner: string,
  count: number,
  team: string | null = null,
): Promise<void> => {
  await gateway.sql(
    `insert into ${table} (id, owner_id, team_id, title, created_at, updated_at)
     select gen_random_uuid(), $1::uuid, $2::uuid, 'row ' || n, t, t
     from generate_series(1, $3::int) n, lateral (select date_trunc('milliseconds', now()) - n * interval '1 ms' as t) x`,
    [owner, team, count],
  );
};
