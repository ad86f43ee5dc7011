import type { SourceName } from '../../../domain/blend/blend.ts';
import type { ErrorCode } from '../../../domain/errors.ts';

/** What the person who asked is told of one source, beside its rows. */
export interface Notice {
  readonly source: SourceName;
  readonly code: ErrorCode | 'federation_offline';
  readonly message: string;
}
