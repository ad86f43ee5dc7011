/** Why rows can't be moved, for the operator who asked. Nothing of the rows is in it. */
export type TransferCode =
  | 'source_tier'
  | 'source_missing'
  | 'source_outdated'
  | 'source_unfinished'
  | 'source_busy'
  | 'source_key'
  | 'target_unsuitable'
  | 'target_is_source'
  | 'target_not_empty'
  | 'target_key'
  | 'target_busy'
  | 'contents_differ';

export class TransferError extends Error {
  readonly code: TransferCode;
  readonly remedy: string;

  constructor(code: TransferCode, message: string, remedy: string) {
    super(message);
    this.name = 'TransferError';
    this.code = code;
    this.remedy = remedy;
  }
}
