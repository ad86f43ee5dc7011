import type { AuthorizedRead } from '../../../domain/access/decide.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Fenced, ResourceReader } from '../../../domain/ports/resources.ts';
import type { Queryable } from '../../driver/driver.ts';
import { DatabaseFault } from '../../driver/errors.ts';
import type { Lease } from '../../lease.ts';

const tooLate = (): MosaicError =>
  new MosaicError('database_unavailable', {
    cause: new DatabaseFault('LEASE', 'the answer came after the lease'),
  });

/**
 * A reader whose statements look for the serving lease. Where one found it missing, that is the database's state (503) and
 * nothing about the grant; and an answer that took longer than a lease lasts says nothing of now.
 */
export const leasedReader = (reader: ResourceReader, db: Queryable, lease: Lease): ResourceReader => {
  const guarded = async <T>(read: AuthorizedRead, work: () => Promise<Fenced<T>>): Promise<Fenced<T>> => {
    if (read.terms.fence === null) return work();
    const answered = async (): Promise<Fenced<T>> => {
      lease.assertHeld();
      const from = performance.now();
      const answer = await work();
      if (performance.now() - from > lease.lengthMs) throw tooLate();
      return answer;
    };
    const answer = await answered();
    if (answer.admitted) return answer;
    await lease.assertHeldOn(db);
    // The lease may have been renewed between the statement that missed it and that look: only now a refusal is the grant's.
    return answered();
  };
  return {
    capabilities: (read) => guarded(read, () => reader.capabilities(read)),
    list: (read) => guarded(read, () => reader.list(read)),
    listJson: (read) => guarded(read, () => reader.listJson(read)),
    get: (read) => guarded(read, () => reader.get(read)),
    search: (read) => guarded(read, () => reader.search(read)),
  };
};
