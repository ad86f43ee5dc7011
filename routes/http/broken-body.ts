import { MosaicError } from '../../domain/errors.ts';

/** A body that broke off is its sender's fault, told to nobody: no error of ours, which would be logged with its stack. */
export const brokenBody = (cause: unknown): MosaicError =>
  new MosaicError('invalid_request', { detail: 'The body did not arrive whole.', cause });
