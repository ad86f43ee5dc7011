import { and, desc, eq, getTableColumns, isNull } from 'drizzle-orm';
import type { TokenStore } from '../../../domain/ports/directory.ts';
import type { AskedPeer } from '../../../domain/ports/peers.ts';
import { apiTokens } from '../../schema/index.ts';
import { afterPosition, toPage } from '../keyset.ts';
import { unwrapped, type Session } from '../session.ts';

const { hash: _hash, ...shown } = getTableColumns(apiTokens);

interface PrincipalRow {
  readonly id: string;
  readonly is_admin: boolean;
  readonly access: 'read' | 'write';
}

/** One row for each peer; all of it is null in the only row of a person who has none. */
interface AskerRow {
  readonly user_id: string;
  readonly is_admin: boolean;
  readonly access: 'read' | 'write';
  readonly peer_id: string | null;
  readonly name: string;
  readonly state: AskedPeer['state'];
  readonly federation_url: string | null;
  readonly remote_grant_id: string | null;
  readonly cache_epoch: number;
  readonly remote_grant_version: number | null;
  readonly outages: number;
}

const VALID = `t.hash = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2::timestamptz)`;

/** By hand, not by the builder: one of the two runs for every request of a person. */
const PRINCIPAL = `select u.id, u.is_admin, t.access from api_tokens t join users u on u.id = t.user_id where ${VALID}`;

const ASKER = `select u.id as user_id, u.is_admin, t.access, p.id as peer_id, p.name, p.state, p.federation_url,
  p.remote_grant_id, p.cache_epoch, p.remote_grant_version, p.outages
from api_tokens t join users u on u.id = t.user_id
  left join federation_peers p on p.local_user_id = u.id and p.direction = 'outbound'
where ${VALID}`;

const toPeer = (row: AskerRow): AskedPeer | null =>
  row.peer_id === null
    ? null
    : {
        id: row.peer_id,
        name: row.name,
        state: row.state,
        localUserId: row.user_id,
        federationUrl: row.federation_url,
        remoteGrantId: row.remote_grant_id,
        cacheEpoch: row.cache_epoch,
        remoteGrantVersion: row.remote_grant_version,
        outages: row.outages,
      };

export const createTokenStore = ({ db, raw }: Session): TokenStore =>
  unwrapped<TokenStore>({
    insert: async (token, hash) => {
      await db.insert(apiTokens).values({ ...token, hash });
    },

    principal: async (hash, now) => {
      const [row] = await raw.query<PrincipalRow>(PRINCIPAL, [hash, now.toISOString()]);
      return row === undefined ? null : { userId: row.id, isAdmin: row.is_admin, access: row.access };
    },

    asker: async (hash, now) => {
      const rows = await raw.query<AskerRow>(ASKER, [hash, now.toISOString()]);
      const [first] = rows;
      if (first === undefined) return null;
      return {
        principal: { userId: first.user_id, isAdmin: first.is_admin, access: first.access },
        peers: rows.map(toPeer).filter((peer) => peer !== null),
      };
    },

    list: async (page, userId) => {
      const rows = await db
        .select(shown)
        .from(apiTokens)
        .where(
          and(
            userId === undefined ? undefined : eq(apiTokens.userId, userId),
            afterPosition(apiTokens.createdAt, apiTokens.id, page),
          ),
        )
        .orderBy(desc(apiTokens.createdAt), desc(apiTokens.id))
        .limit(page.limit + 1);
      return toPage(
        rows,
        page,
        (row) => row,
        ({ createdAt, id }) => ({ at: createdAt, id }),
      );
    },

    revoke: async (id, at) => {
      const revoked = await db
        .update(apiTokens)
        .set({ revokedAt: at })
        .where(and(eq(apiTokens.id, id), isNull(apiTokens.revokedAt)))
        .returning({ id: apiTokens.id });
      return revoked.length === 1;
    },
  });
