import { MosaicError } from '../../domain/errors.ts';

/** Nothing was signed or recorded; `detail` is public. */
export const unavailable = (detail: string, cause?: unknown): MosaicError =>
  new MosaicError('ca_unavailable', { detail, cause: cause ?? new Error(detail) });

const PASSED_ON: ReadonlySet<string> = new Set(['ca_unavailable', 'ca_misissued', 'invalid_csr']);

/** Runs one operation of the authority; whatever goes wrong inside surfaces as a failure of the authority. */
export const asAuthority = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MosaicError && PASSED_ON.has(error.code)) throw error;
    throw unavailable(`The embedded authority could not ${what}.`, error);
  }
};
