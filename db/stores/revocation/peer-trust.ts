import type { PeerTrust, PeerTrustStore } from '../../../domain/ports/revocation.ts';
import { uuidArray } from '../../driver/values.ts';
import { unwrapped, type Session } from '../session.ts';

interface Row {
  readonly signing_key: string | null;
  readonly crl_url: string | null;
  readonly crl_signer: string | null;
  readonly crl_number: string | null;
  readonly epoch_token: string | null;
}

const NOTHING: PeerTrust = {
  signingKey: null,
  crlUrl: null,
  crlSigner: null,
  crlNumber: null,
  epochToken: null,
};

/** What was pinned once stays. */
const PIN = `insert into federation_peer_trust (peer_id, signing_key, crl_url) values ($1::uuid, $2, $3)
on conflict (peer_id) do update set signing_key = coalesce(federation_peer_trust.signing_key, excluded.signing_key),
  crl_url = coalesce(federation_peer_trust.crl_url, excluded.crl_url)`;

const REMEMBER_EPOCH = `insert into federation_peer_trust (peer_id, epoch, epoch_token) values ($1::uuid, $2::bigint, $3)
on conflict (peer_id) do update set epoch = excluded.epoch, epoch_token = excluded.epoch_token
where coalesce(federation_peer_trust.epoch, 0) < excluded.epoch`;

/** Another authority counts by itself: its numbers say nothing of those before. */
const REMEMBER_CRL = `insert into federation_peer_trust (peer_id, crl_signer, crl_number) values ($1::uuid, $2, $3::numeric)
on conflict (peer_id) do update set crl_signer = excluded.crl_signer, crl_number = excluded.crl_number
where coalesce(federation_peer_trust.crl_number, 0) <= excluded.crl_number
  or federation_peer_trust.crl_signer <> excluded.crl_signer returning peer_id`;

const MARK_REVOKED = `with revoked as (
  update federation_peers set state = 'revoked' where id = $1::uuid and direction = 'outbound' and state <> 'revoked'
  returning id
)
insert into federation_peer_trust (peer_id, notice) select id, 'pending' from revoked
on conflict (peer_id) do update set notice = 'pending' returning peer_id`;

const TAKE_NOTICES = `update federation_peer_trust t set notice = 'told' from federation_peers p
where p.id = t.peer_id and p.local_user_id = $1::uuid and t.notice = 'pending' returning p.name`;

const COLUMNS = 'signing_key, crl_url, crl_signer, crl_number::text, epoch_token';

const trustIn = (row: Row): PeerTrust => ({
  signingKey: row.signing_key,
  crlUrl: row.crl_url,
  crlSigner: row.crl_signer,
  crlNumber: row.crl_number === null ? null : BigInt(row.crl_number),
  epochToken: row.epoch_token,
});

export const createPeerTrustStore = ({ raw }: Session): PeerTrustStore =>
  unwrapped<PeerTrustStore>({
    get: async (peerId) => {
      const [row] = await raw.query<Row>(
        `select ${COLUMNS} from federation_peer_trust where peer_id = $1::uuid`,
        [peerId],
      );
      return row === undefined ? NOTHING : trustIn(row);
    },
    ofPeers: async (peerIds) => {
      const rows = await raw.query<Row & { readonly peer_id: string }>(
        `select peer_id, ${COLUMNS} from federation_peer_trust where peer_id = any ($1::uuid[])`,
        [uuidArray(peerIds)],
      );
      return new Map(rows.map((row) => [row.peer_id, trustIn(row)]));
    },
    pin: async (peerId, { signingKey, crlUrl }) => {
      await raw.query(PIN, [peerId, signingKey, crlUrl]);
    },
    rememberEpoch: async (peerId, epoch, token) => {
      await raw.query(REMEMBER_EPOCH, [peerId, epoch, token]);
    },
    rememberCrl: async (peerId, signer, number) =>
      (await raw.query(REMEMBER_CRL, [peerId, signer, number.toString()])).length === 1,
    markRevoked: async (peerId) => (await raw.query(MARK_REVOKED, [peerId])).length === 1,
    takeNotices: async (localUserId) =>
      (await raw.query<{ readonly name: string }>(TAKE_NOTICES, [localUserId])).map(({ name }) => name),
  });
