import type { Principal } from '../../domain/access/decide.ts';
import { blend, type BlendedRow, type SourceName } from '../../domain/blend/blend.ts';
import { MosaicError, type ErrorCode } from '../../domain/errors.ts';
import type { Resource } from '../../domain/resources.ts';
import type { Deps } from '../deps.ts';
import { failureToError, type PeerFailure } from '../federation/failure.ts';
import { outboundOf } from '../federation/outbound.ts';
import { traceparent } from '../federation/trace.ts';
import type { Asking } from '../federation/verbs.ts';
import type { Walked } from '../federation/walk.ts';
import { decodeBlendCursor, encodeBlendCursor, type BlendBinding, type BlendState } from './query-cursor.ts';
import { failedReport, noticesOf, sinceMs, type Reports, type SourceReport } from './query-report.ts';
import { sourcesFor, type Source, type SourceSelector } from './query-sources.ts';

export interface QueryPage extends Reports {
  readonly items: readonly BlendedRow[];
  readonly next_cursor: string | null;
}

/** Who asks, for what, where. */
export interface Query {
  readonly principal: Principal;
  readonly resource: Resource;
  readonly source: SourceSelector;
  readonly traceId: string;
}

type Outcome = {
  readonly name: SourceName;
  readonly latencyMs: number;
} & ({ readonly walked: Walked } | { readonly failure: PeerFailure });

/** Everything still under way ends with `work`, whichever way that ends. */
export const asking = async <T>(
  deps: Deps,
  traceId: string,
  work: (asking: Asking, giveUp: () => void) => Promise<T>,
): Promise<T> => {
  const over = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(deps.settings.peerTimeoutMs), over.signal]);
  const giveUp = (): void => over.abort();
  try {
    return await work(
      { outbound: outboundOf(deps), traceparent: traceparent(deps.random, traceId), signal },
      giveUp,
    );
  } finally {
    giveUp();
  }
};

const NOTHING_LEFT: Walked = { rows: [], more: false, after: () => ({ done: true, upstream: null }) };

const readAll = (sources: readonly Source[], state: BlendState, limit: number): Promise<readonly Outcome[]> =>
  Promise.all(
    sources.map(async (source, index): Promise<Outcome> => {
      const from = state.sources[index];
      if (from === undefined || from.done) return { name: source.name, latencyMs: 0, walked: NOTHING_LEFT };
      const start = performance.now();
      const walk = await source.list(from, state.position, limit);
      const shared = { name: source.name, latencyMs: sinceMs(start) };
      return walk.ok ? { ...shared, walked: walk.walked } : { ...shared, failure: walk.failure };
    }),
  );

/**
 * One page of a resource from all sources asked, newest first, each row with its `_source`. Peers are asked in
 * parallel within one deadline. One that fails costs its rows of this page and leaves a notice; asking for the same
 * page again gives the whole of it, and the next page goes on after the last row given, in order, with that peer too.
 * Rows of peers are held in memory while the answer is made and nowhere else (SPEC M3-9).
 *
 * @throws MosaicError `invalid_cursor`, `peer_unknown`; the failure itself when no source answered
 */
export const queryList = async (
  deps: Deps,
  query: Query & { readonly limit: number; readonly cursor: string | undefined },
): Promise<QueryPage> =>
  asking(deps, query.traceId, async (context) => {
    const { principal, resource, limit, cursor } = query;
    const { cursorMac } = deps.keys;
    const sources = await sourcesFor(deps, principal, resource, query.source, context);
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

    const outcomes = await readAll(sources, state, limit);
    const failed = outcomes.filter((outcome) => 'failure' in outcome);
    const answered = outcomes.filter((outcome) => 'walked' in outcome);
    if (answered.length === 0 && failed[0] !== undefined)
      throw failureToError(failed[0].name, failed[0].failure);

    const pages = answered.map(({ name, walked }) => ({
      source: name,
      items: walked.rows,
      more: walked.more,
    }));
    const blended = blend(pages, limit);
    const after = sources.map((_source, index) => {
      const outcome = outcomes[index];
      const unchanged = state.sources[index] ?? { done: true, upstream: null };
      return outcome !== undefined && 'walked' in outcome
        ? outcome.walked.after(blended.taken[outcome.name] ?? 0)
        : unchanged;
    });
    const last = blended.items.at(-1);
    const position =
      last === undefined
        ? state.position
        : {
            at: { createdAt: last.created_at, id: last.id },
            source: sources.findIndex(({ name }) => name === last._source),
          };
    return {
      items: blended.items,
      next_cursor: blended.more
        ? encodeBlendCursor(cursorMac, binding, { position, sources: after }, deps.clock.now())
        : null,
      sources: Object.fromEntries(
        outcomes.map((outcome, index) => [
          outcome.name,
          'failure' in outcome
            ? failedReport(outcome.failure, outcome.latencyMs)
            : {
                status: after[index]?.done === true ? 'complete' : 'truncated',
                count: blended.taken[outcome.name] ?? 0,
                latency_ms: outcome.latencyMs,
              },
        ]),
      ),
      notices: noticesOf(failed),
    };
  });

/** Denials that answer the question for a single row: the person may see none of that resource there. */
const SEES_NOTHING: readonly (ErrorCode | null)[] = ['resource_excluded', 'resource_not_granted'];

/**
 * One row by id: the own store first, then all peers at once, the first that has it.
 *
 * @throws MosaicError `not_found` when every source said so; when one could not be asked absence is not known,
 * and its failure is thrown (`peer_unreachable`, `peer_timeout`, `peer_refused`, `peer_protocol`)
 */
export const queryItem = async (deps: Deps, query: Query & { readonly id: string }): Promise<QueryPage> =>
  asking(deps, query.traceId, async (context, giveUp) => {
    const sources = await sourcesFor(deps, query.principal, query.resource, query.source, context);
    const reports: Record<string, SourceReport> = {};
    const failed: { readonly name: SourceName; readonly failure: PeerFailure }[] = [];

    const look = async (source: Source): Promise<BlendedRow | null> => {
      const start = performance.now();
      const result = await source.get(query.id);
      const latencyMs = sinceMs(start);
      if (result.ok) {
        reports[source.name] = {
          status: 'complete',
          count: result.value === null ? 0 : 1,
          latency_ms: latencyMs,
        };
        return result.value === null ? null : { ...result.value, _source: source.name };
      }
      reports[source.name] = failedReport(result.error, latencyMs);
      failed.push({ name: source.name, failure: result.error });
      return null;
    };

    const local = sources.find(({ name }) => name === 'local');
    const peers = sources.filter((source) => source !== local);
    const own = local === undefined ? null : await look(local);
    const item = own ?? (await firstOf(peers.map(look)));
    giveUp();
    if (item !== null)
      return { items: [item], next_cursor: null, sources: { ...reports }, notices: noticesOf(failed) };
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
