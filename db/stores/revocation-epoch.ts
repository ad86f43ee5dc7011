import { MosaicError } from '../../domain/errors.ts';
import type { RevocationEpoch, RevocationEpochStore } from '../../domain/ports/federation.ts';
import type { Queryable } from '../driver/driver.ts';
import { unwrapped, type Session } from './session.ts';

interface Row {
  readonly epoch: string;
  readonly proven: string;
}

const COLUMNS = 'epoch::text as epoch, proven_epoch::text as proven';
const READ = `select ${COLUMNS} from gateway_revocation where id = 1`;
const PROVE = `update gateway_revocation set proven_epoch = greatest(proven_epoch, $1::bigint) where id = 1 returning ${COLUMNS}`;
const ACCEPT = `update gateway_revocation set epoch = greatest(epoch, proven_epoch) + 1, proven_epoch = 0
where id = 1 and proven_epoch > epoch returning ${COLUMNS}`;
/** Peers remember the highest number they saw of the list that was lost; the next one must be above it. */
const LIFT_LIST = 'update embedded_ca_state set crl_number = crl_number + 1000000 where id = 1';

const one = async (raw: Queryable, text: string, params: number[]): Promise<RevocationEpoch | null> => {
  const [row] = await raw.query<Row>(text, params);
  return row === undefined ? null : { epoch: Number(row.epoch), proven: Number(row.proven) };
};

const always = (found: RevocationEpoch | null): RevocationEpoch => {
  if (found === null)
    throw new MosaicError('internal', { cause: new Error('the revocation epoch is missing') });
  return found;
};

export const createRevocationEpochStore = ({ raw, atomically }: Session): RevocationEpochStore =>
  unwrapped<RevocationEpochStore>({
    read: async () => always(await one(raw, READ, [])),
    prove: async (epoch) => always(await one(raw, PROVE, [epoch])),
    accept: () =>
      atomically(async (transaction) => {
        const accepted = await one(transaction.raw, ACCEPT, []);
        if (accepted !== null) await transaction.raw.query(LIFT_LIST);
        return accepted;
      }),
  });
