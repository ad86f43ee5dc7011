import { blend, type BlendedRow, type SourceName } from '../../../domain/blend/blend.ts';
import { MosaicError, type ErrorCode } from '../../../domain/errors.ts';
import type { Resource, ResourceRow } from '../../../domain/resources.ts';
import type { OutboundDeps } from '../deps.ts';
import { createDeadline } from '../../kernel/deadline.ts';
import { failureToError, type PeerFailure } from '../client/failure.ts';
import type { Session } from './offline.ts';
import { revokedNotices } from '../revocation/peer-revoked.ts';
import { decodeBlendCursor, encodeBlendCursor, type BlendBinding, type BlendState } from './query-cursor.ts';
import {
  isOvertaken,
  newlyOffline,
  overtaken,
  OVERTAKEN,
  OVERTAKEN_TIMES,
  readAll,
} from './query-outcomes.ts';
import {
  answeredReport,
  cacheStatus,
  failedReport,
  noticesOf,
  sinceMs,
  type Reports,
  type SourceReport,
} from './query-report.ts';
import { keptCursor, keptPage, wholePage, type KeptPage } from './query-kept.ts';
import {
  sourcesFor,
  type AskingPerson,
  type Source,
  type SourceSelector,
  type Wish,
} from './query-sources.ts';
import { watchQuery, type QueryTraced } from '../client/call-telemetry.ts';

export interface QueryPage extends Reports {
  /** Made when they are looked at: of a kept answer their text may be there already. */
  readonly items: readonly BlendedRow[];
  readonly next_cursor: string | null;
}

/** An answer, and what stands in its header. */
export interface Answer {
  readonly page: QueryPage;
  /** `Cache-Status` (RFC 9211); null when no peer was asked. */
  readonly cacheStatus: string | null;
  /** The items are exactly the rows of one kept answer; null where they are anything else. */
  readonly kept: KeptPage | null;
}

/** Who asks, for what, where. */
export interface Query extends AskingPerson {
  readonly resource: Resource;
  readonly source: SourceSelector;
  readonly traceId: string;
  /** Its `traceparent` header, if one came: the span the client asks from. */
  readonly parent?: string | undefined;
  /** What the client calls its session, or its token: for signals that are given once. */
  readonly session: string;
  /** Ask the peers themselves, whatever is in the cache. */
  readonly isFresh: boolean;
  /** The client asks that nothing of this answer is stored (RFC 9111, `no-store`). */
  readonly isUnstored?: true;
  /** Told of the bytes that peers answer with, as they come. */
  readonly weigh?: (bytes: number) => void;
}

/** Everything still under way ends with `work`, whichever way that ends. */
export const asking = async <T>(
  deps: OutboundDeps,
  query: Pick<Query, 'isFresh' | 'isUnstored' | 'weigh'> & QueryTraced,
  work: (wish: Wish, giveUp: () => void) => Promise<T>,
): Promise<T> => {
  const { deadline, giveUp } = createDeadline(deps.settings.peerTimeoutMs);
  try {
    return await watchQuery(deps, query, (trace) =>
      work(
        {
          outbound: deps.outbound,
          ...trace,
          deadline,
          isFresh: query.isFresh,
          ...(query.isUnstored === undefined ? {} : { isUnstored: query.isUnstored }),
          ...(query.weigh === undefined ? {} : { weigh: query.weigh }),
          learn: (asked, failure) => deps.learner.learn(asked, failure),
        },
        giveUp,
      ),
    );
  } finally {
    giveUp();
  }
};

const NOBODY: ReadonlySet<SourceName> = new Set();
const sessionOf = ({ principal, session }: Query): Session => ({ userId: principal.userId, id: session });

/**
 * One page of a resource from all sources asked, newest first, each row with its `_source`. Peers are asked in
 * parallel within one deadline. One that fails costs its rows of this page and leaves a notice; asking for the same
 * page again gives the whole of it, and the next page goes on after the last row given, in order, with that peer too.
 * Rows of peers are held in memory while the answer is made and nowhere else (SPEC M3-9).
 *
 * @throws MosaicError `invalid_cursor`, `peer_unknown`; the failure itself when no source answered
 */
export const queryList = (
  deps: OutboundDeps,
  query: Query & { readonly limit: number; readonly cursor: string | undefined },
): Promise<Answer> =>
  asking(deps, { ...query, verb: 'list' }, async (wish) => {
    const { principal, resource, limit, cursor } = query;
    const { cursorMac } = deps.keys;
    const sources = sourcesFor(deps, query, resource, query.source, wish);
    const binding: BlendBinding = {
      userId: principal.userId,
      resource,
      sources: sources.map(({ key }) => key),
    };
    const state: BlendState | null =
      cursor === undefined
        ? { position: null, sources: sources.map(() => ({ done: false, upstream: null })) }
        : decodeBlendCursor(cursorMac, binding, cursor, deps.clock.now());
    if (state === null) throw new MosaicError('invalid_cursor');

    const read = await readAll(sources, state, limit);
    const down = read.filter((outcome) => 'failure' in outcome);
    // Where nobody answered the answer is the error itself, and tells nobody once.
    const isTold = down.length > 0 && down.length < read.length;
    const offline = isTold ? await newlyOffline(wish, sessionOf(query), down) : NOBODY;
    const revoked = isTold ? await revokedNotices(deps, principal.userId, down) : [];
    // From here to the answer nothing is awaited, so nothing can be learned in between.
    const outcomes = read.map((outcome) => (isOvertaken(outcome) ? overtaken(outcome) : outcome));
    const failed = outcomes.filter((outcome) => 'failure' in outcome);
    if (failed.length === outcomes.length && failed[0] !== undefined)
      throw failureToError(failed[0].name, failed[0].failure);
    const answered = outcomes.filter((outcome) => 'walked' in outcome);
    const pages = answered.map(({ source, name, walked }) => ({
      source: name,
      items: walked.rows,
      more: walked.more,
      isCached: source.sighting()?.isCached === true,
    }));
    const kept = state.position === null ? keptPage(sources, answered) : null;
    const blended = kept === null ? blend(pages, limit) : wholePage(pages, kept);
    const after = sources.map((_source, index) => {
      const outcome = outcomes[index];
      const unchanged = state.sources[index] ?? { done: true, upstream: null };
      return outcome !== undefined && 'walked' in outcome
        ? outcome.walked.after(blended.taken[outcome.name] ?? 0)
        : unchanged;
    });
    const now = deps.clock.now();
    const cursorNow = (): string => {
      const last = blended.items.at(-1);
      const position =
        last === undefined
          ? state.position
          : {
              at: { createdAt: last.created_at, id: last.id },
              source: sources.findIndex(({ name }) => name === last._source),
            };
      return encodeBlendCursor(cursorMac, binding, { position, sources: after }, now);
    };
    const page: QueryPage = {
      get items() {
        return blended.items;
      },
      next_cursor: blended.more ? (kept === null ? cursorNow() : keptCursor(kept, now, cursorNow)) : null,
      sources: Object.fromEntries(
        outcomes.map((outcome, index) => {
          const { source, name, latencyMs } = outcome;
          if ('failure' in outcome)
            return [name, failedReport(outcome.failure, latencyMs, source.failedAt(outcome.failure))];
          const more = after[index]?.done !== true;
          return [name, answeredReport(source, { count: blended.taken[name] ?? 0, more, latencyMs }, now)];
        }),
      ),
      notices: [...noticesOf(failed, offline), ...revoked],
    };
    return { page, cacheStatus: cacheStatus(sources, now), kept };
  });

/** Denials that answer the question for a single row: the person may see none of that resource there. */
const SEES_NOTHING: readonly (ErrorCode | null)[] = ['resource_excluded', 'resource_not_granted'];

interface Found {
  readonly source: Source;
  readonly item: BlendedRow;
}

const tagged = (row: ResourceRow, source: Source): BlendedRow => ({
  ...row,
  _source: source.name,
  ...(source.sighting()?.isCached === true ? { _cached: true } : {}),
});

/**
 * One row by id: the own store first, then all peers at once, the first that has it.
 *
 * @throws MosaicError `not_found` when every source said so; when one could not be asked absence is not known,
 * and its failure is thrown (`peer_unreachable`, `peer_timeout`, `peer_refused`, `peer_protocol`)
 */
export const queryItem = async (
  deps: OutboundDeps,
  query: Query & { readonly id: string },
): Promise<Answer> =>
  asking(deps, { ...query, verb: 'get' }, async (wish, giveUp) => {
    const sources = sourcesFor(deps, query, query.resource, query.source, wish);
    const reports: Record<string, SourceReport> = {};
    const failed: { readonly source: Source; readonly name: SourceName; readonly failure: PeerFailure }[] =
      [];

    let isAnswered = false;
    const look = async (source: Source): Promise<Found | null> => {
      const start = performance.now();
      const result = await source.get(query.id);
      // Given up, because another one has it: nothing is known of this one.
      if (isAnswered) return null;
      const latencyMs = sinceMs(start);
      const now = deps.clock.now();
      if (result.ok) {
        const count = result.value === null ? 0 : 1;
        reports[source.name] = answeredReport(source, { count, more: false, latencyMs }, now);
        return result.value === null ? null : { source, item: tagged(result.value, source) };
      }
      reports[source.name] = failedReport(result.error, latencyMs, source.failedAt(result.error));
      failed.push({ source, name: source.name, failure: result.error });
      return null;
    };

    const local = sources.find(({ name }) => name === 'local');
    const peers = sources.filter((source) => source !== local);
    const own = local === undefined ? null : await look(local);
    let found = own ?? (await firstOf(peers.map(look)));
    for (let time = 0; time < OVERTAKEN_TIMES && found?.source.isOutdated() === true; time += 1)
      found = await look(found.source);
    isAnswered = true;
    giveUp();
    const isTold = found !== null && failed.length > 0;
    const offline = isTold ? await newlyOffline(wish, sessionOf(query), failed) : NOBODY;
    const revoked = isTold ? await revokedNotices(deps, query.principal.userId, failed) : [];
    if (found !== null && !found.source.isOutdated()) {
      const page: QueryPage = {
        items: [found.item],
        next_cursor: null,
        sources: { ...reports },
        notices: [...noticesOf(failed, offline), ...revoked],
      };
      return { page, cacheStatus: cacheStatus(sources, deps.clock.now()), kept: null };
    }
    if (found !== null) throw failureToError(found.source.name, OVERTAKEN);
    const [unknown] = failed.filter(
      ({ failure }) => sources.length === 1 || !SEES_NOTHING.includes(failure.peerCode),
    );
    throw unknown === undefined
      ? new MosaicError('not_found')
      : failureToError(unknown.name, unknown.failure);
  });

/** The first value that is not null, or null once all are. */
const firstOf = <T>(work: readonly Promise<T | null>[]): Promise<T | null> =>
  new Promise((resolve, reject) => {
    const all = work.map(async (one) => {
      const value = await one;
      if (value !== null) resolve(value);
    });
    Promise.all(all).then(() => resolve(null), reject);
  });
