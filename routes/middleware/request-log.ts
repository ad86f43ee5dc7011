import { takeFrom, type Bucket } from '../../domain/token-bucket.ts';
import type { MosaicError } from '../../domain/errors.ts';
import type { Log, TokenBucket } from '../../domain/ports/basics.ts';

/**
 * Header with the trace id: of an answer that is no problem document, which has it as `trace_id`, and of a request, where a front has given
 * it one.
 */
export const TRACE_ID_HEADER = 'mosaic-trace-id';

/** Lines of one kind: anybody can be refused, any number of times, and a log is not to be filled by strangers. */
const LINES: TokenBucket = { capacity: 200, refillPerSecond: 10 };
/** Beyond that, how long one line stands for all answers of its kind. */
const WINDOW_MS = 60_000;

interface Kind {
  readonly bucket: Bucket;
  /** The line that stands for what is not logged one by one. */
  window: { readonly traceId: string; readonly until: number; answers: number } | null;
}

/** Makes the trace id of an answer one that is in the log. */
export interface RequestLog {
  /** Logs a refusal or failure. @returns the id for the answer: `traceId`, or that of the line that stands for it */
  readonly refused: (error: MosaicError, traceId: string, status?: number) => string;
  /** The same for a request of somebody who is signed in. */
  readonly accepted: (traceId: string) => string;
}

interface RequestLogParts {
  readonly log: Log;
  readonly surface: string;
  readonly newTraceId: () => string;
  /** Milliseconds, of any beginning. */
  readonly now?: () => number;
}

/**
 * Every answer carries a trace id that stands in the log. Of each kind of answer (a code, or `accepted`) 200 at once and 10 a
 * second have a line of their own. What comes on top carries the id of one line that says so, and the next such line tells
 * how many it stood for: a flood costs the log one line a minute.
 */
export const createRequestLog = ({
  log,
  surface,
  newTraceId,
  now = () => performance.now(),
}: RequestLogParts): RequestLog => {
  const kinds = new Map<string, Kind>();

  const kindOf = (name: string): Kind => {
    const found = kinds.get(name);
    if (found !== undefined) return found;
    const made: Kind = { bucket: { used: 0, at: now() }, window: null };
    kinds.set(name, made);
    return made;
  };

  /** @returns null when the line may be written; the id of the line that stands for it otherwise */
  const counted = (name: string): string | null => {
    const kind = kindOf(name);
    const at = now();
    if (takeFrom(kind.bucket, LINES, at).allowed) return null;
    if (kind.window === null || kind.window.until <= at) {
      const traceId = newTraceId();
      const before = kind.window?.answers ?? 0;
      kind.window = { traceId, until: at + WINDOW_MS, answers: 0 };
      log.warn('more requests than are logged one by one: this line stands for those of the next minute', {
        surface,
        code: name,
        trace_id: traceId,
        window_seconds: WINDOW_MS / 1_000,
        answers_of_the_line_before: before,
      });
    }
    kind.window.answers += 1;
    return kind.window.traceId;
  };

  return {
    refused: (error, traceId, status = error.status) => {
      const { code } = error;
      if (status >= 500) {
        const cause = error.cause instanceof Error ? error.cause : error;
        log.error('request failed', { surface, code, trace_id: traceId, error: cause });
        return traceId;
      }
      const instead = counted(code);
      if (instead !== null) return instead;
      log.info('request refused', { surface, code, status, trace_id: traceId });
      return traceId;
    },
    accepted: (traceId) => {
      const instead = counted('accepted');
      if (instead !== null) return instead;
      log.info('request accepted', { surface, trace_id: traceId });
      return traceId;
    },
  };
};
