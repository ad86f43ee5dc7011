import { ERROR_CATALOGUE, type ErrorCode } from './error-catalogue.ts';

export { ERROR_CATALOGUE, ERROR_CODES, isErrorCode, type ErrorCode } from './error-catalogue.ts';

/** One thing wrong with an input: where (dotted path, `$` for the whole), what, and what was expected. */
export interface Issue {
  readonly path: string;
  readonly message: string;
  readonly expected?: string;
}

/** The limit a request was refused by. */
export interface RateLimit {
  /** What is counted: `grant`, `address`, `token`. */
  readonly policy: string;
  /** Requests at once, and in each window. */
  readonly limit: number;
  readonly windowSeconds: number;
}

interface ErrorOptions_ {
  /** Public, specific to this occurrence; must hold nothing secret and nothing of another tenant. */
  readonly detail?: string;
  /** Public: what to do about this occurrence, where that is more than the catalogue's remedy says of its code. */
  readonly remedy?: string;
  readonly issues?: readonly Issue[];
  readonly retryAfterSeconds?: number;
  readonly rateLimit?: RateLimit;
  /** Internal only: a finer name than the code, for the peer's row and the log. */
  readonly reason?: string;
  /** Internal only. */
  readonly cause?: unknown;
}

/** The one exception type that crosses module boundaries. Anything else is a bug and answers `internal`. */
export class MosaicError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly remedy: string | undefined;
  readonly reason: string | undefined;
  readonly issues: readonly Issue[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly rateLimit: RateLimit | undefined;

  constructor(code: ErrorCode, options: ErrorOptions_ = {}) {
    super(options.detail ?? ERROR_CATALOGUE[code].title, { cause: options.cause });
    this.name = 'MosaicError';
    this.code = code;
    this.detail = options.detail;
    this.remedy = options.remedy;
    this.reason = options.reason;
    this.issues = options.issues;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.rateLimit = options.rateLimit;
  }

  get status(): number {
    return ERROR_CATALOGUE[this.code].status;
  }
}

/** RFC 9457 problem document, with this product's members `code`, `remedy`, `issues` and those of a rate limit. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail?: string;
  readonly remedy: string;
  readonly issues?: readonly Issue[];
  /** Requests of a window, its length and the time to wait, in seconds: of `rate_limited`. */
  readonly limit?: number;
  readonly window?: number;
  readonly retry_after?: number;
  readonly trace_id?: string;
}

/** Whole seconds of `Retry-After`: never too few, so that a retry then is not refused for the same reason. */
export const waitOf = ({ retryAfterSeconds = 0 }: MosaicError): number =>
  Math.max(1, Math.ceil(retryAfterSeconds));

/** The public projection of an error: what may leave the process. */
export const toProblem = (error: MosaicError, traceId?: string): Problem => {
  const { status, title, remedy } = ERROR_CATALOGUE[error.code];
  return {
    type: `https://mosaic-federation.dev/problems/${error.code}`,
    title,
    status,
    code: error.code,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    remedy: error.remedy ?? remedy,
    ...(error.issues === undefined ? {} : { issues: error.issues }),
    ...(error.rateLimit === undefined
      ? {}
      : { limit: error.rateLimit.limit, window: error.rateLimit.windowSeconds, retry_after: waitOf(error) }),
    ...(traceId === undefined ? {} : { trace_id: traceId }),
  };
};
