import { MosaicError } from '../../../domain/errors.ts';
import type {
  QuestionableGrant,
  RevocationEpoch,
  RevocationEpochStore,
} from '../../../domain/ports/revocation.ts';
import type { Queryable } from '../../driver/driver.ts';
import { unwrapped, type Session } from '../session.ts';

interface Row {
  readonly epoch: string;
  readonly proven: string;
  readonly lost: string | null;
  readonly knows: boolean;
}

interface GrantRow {
  readonly id: string;
  readonly peer: string | null;
  readonly user_name: string | null;
  readonly status: 'pending' | 'active';
  readonly created: string;
  readonly serials: string | null;
}

const milliseconds = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint::text`;
const COLUMNS = `epoch::text as epoch, proven_epoch::text as proven, ${milliseconds('lost_since')} as lost`;
/** Above the present epoch, or never had although it is younger than what was accepted last: another past than ours. */
const KNOWS = `($1::bigint <= epoch and ($1::bigint <= accepted_epoch
  or exists (select from gateway_revocation_epochs h where h.epoch = $1::bigint)))`;
const READ = `select ${COLUMNS}, ${KNOWS} as knows from gateway_revocation where id = 1`;
const PROVE = `update gateway_revocation set
  proven_epoch = case when ${KNOWS} then proven_epoch else greatest(proven_epoch, $1::bigint) end,
  lost_since = coalesce(lost_since, case when not ${KNOWS} then now() end)
where id = 1 returning ${COLUMNS}, true as knows`;
/** Above what was published and not shown yet: each revocation that was lost raised the epoch by less than 2^20. */
const ACCEPTED = 'greatest(epoch, proven_epoch) + 16777216';
const ACCEPT = `update gateway_revocation set epoch = ${ACCEPTED}, accepted_epoch = ${ACCEPTED}, proven_epoch = 0, lost_since = null
where id = 1 and lost_since is not null returning ${COLUMNS}, true as knows`;
/** Peers remember the highest number they saw of the list that was lost; the next one must be above it. */
const LIFT_LIST = 'update embedded_ca_state set crl_number = crl_number + 1000000 where id = 1';
const QUESTIONABLE = `select g.id::text as id, p.name as peer, u.name as user_name, g.status::text as status,
  ${milliseconds('g.created_at')} as created,
  (select string_agg(c.serial, ',') from issued_certificates c where c.grant_id = g.id and c.status = 'issued') as serials
from gateway_revocation r join federation_grants g on g.created_at <= r.lost_since and g.status in ('pending', 'active')
  left join federation_peers p on p.id = g.peer_id left join users u on u.id = g.subject_user_id
where r.id = 1 and (g.expires_at is null or g.expires_at > now())
order by g.created_at desc, g.id desc limit $1::bigint`;

type Read = RevocationEpoch & { readonly knows: boolean };

const one = async (raw: Queryable, text: string, params: number[]): Promise<Read | null> => {
  const [row] = await raw.query<Row>(text, params);
  if (row === undefined) return null;
  const { epoch, proven, lost, knows } = row;
  return {
    epoch: Number(epoch),
    proven: Number(proven),
    lostSince: lost === null ? null : new Date(Number(lost)),
    knows,
  };
};

const always = (found: Read | null): Read => {
  if (found === null)
    throw new MosaicError('internal', { cause: new Error('the revocation epoch is missing') });
  return found;
};

const toGrant = ({ id, peer, user_name, status, created, serials }: GrantRow): QuestionableGrant => ({
  grantId: id,
  peer,
  user: user_name,
  status,
  createdAt: new Date(Number(created)),
  serials: serials?.split(',') ?? [],
});

export const createRevocationEpochStore = ({ raw, atomically }: Session): RevocationEpochStore =>
  unwrapped<RevocationEpochStore>({
    read: async (published) => always(await one(raw, READ, [published])),
    prove: async (published) => always(await one(raw, PROVE, [published])),
    accept: () =>
      atomically(async (transaction) => {
        const accepted = await one(transaction.raw, ACCEPT, []);
        if (accepted !== null) await transaction.raw.query(LIFT_LIST);
        return accepted;
      }),
    questionable: async (limit) => (await raw.query<GrantRow>(QUESTIONABLE, [limit])).map(toGrant),
  });
