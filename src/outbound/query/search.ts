import { blendInOrder, type SourceName } from '../../../domain/blend/blend.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { compareHits, positionOf, type Hit } from '../../../domain/search/hit.ts';
import type { OutboundDeps } from '../deps.ts';
import { REVOKED } from '../cache/consult.ts';
import { failureToError, type PeerFailure } from '../client/failure.ts';
import type { Walked } from '../client/walk.ts';
import {
  decodeBlendCursor,
  encodeBlendCursor,
  type BlendBinding,
  type BlendPosition,
  type BlendState,
} from './query-cursor.ts';
import { newlyOffline } from './query-outcomes.ts';
import { failedReport, noticesOf, sinceMs, type Reports } from './query-report.ts';
import type { AskingPerson, SourceSelector } from './query-sources.ts';
import { asking } from './query.ts';
import { revokedNotices } from '../revocation/peer-revoked.ts';
import { searchSourcesFor, type HitPlace, type SearchSource, type Sought } from './search-sources.ts';

export type BlendedHit = Hit & { readonly _source: SourceName };

export interface SearchPage extends Reports {
  readonly hits: readonly BlendedHit[];
  readonly next_cursor: string | null;
}

/** Who asks, for what, where. */
export interface Search extends Sought, AskingPerson {
  readonly source: SourceSelector;
  readonly limit: number;
  readonly cursor: string | undefined;
  readonly traceId: string;
  /** What the client calls its session, or its token. */
  readonly session: string;
  /** Its `traceparent` header, if one came. */
  readonly parent?: string | undefined;
  /** Told of the bytes that peers answer with, as they come. */
  readonly weigh?: (bytes: number) => void;
}

/** The span tells what kind of question it was, and never what was searched for. */
const tracedAs = ({ traceId, parent, source, resources, weigh }: Search) =>
  ({
    traceId,
    parent,
    source,
    isFresh: true,
    ...(weigh === undefined ? {} : { weigh }),
    verb: 'search',
    resource: resources?.length === 1 ? (resources[0] ?? null) : null,
  }) as const;

type Outcome = { readonly source: SearchSource; readonly name: SourceName; readonly latencyMs: number } & (
  { readonly walked: Walked<Hit> } | { readonly failure: PeerFailure }
);

const NOBODY: ReadonlySet<SourceName> = new Set();
const NOTHING_LEFT: Walked<Hit> = { rows: [], more: false, after: () => ({ done: true, upstream: null }) };

const placeOf = (position: BlendPosition | null): HitPlace | null =>
  position?.hit === undefined ? null : { at: { ...position.at, ...position.hit }, source: position.source };

const searchAll = (
  sources: readonly SearchSource[],
  state: BlendState,
  limit: number,
): Promise<readonly Outcome[]> =>
  Promise.all(
    sources.map(async (source, index): Promise<Outcome> => {
      const from = state.sources[index];
      if (from === undefined || from.done)
        return { source, name: source.name, latencyMs: 0, walked: NOTHING_LEFT };
      const start = performance.now();
      const walk = await source.search(from, placeOf(state.position), limit);
      const shared = { source, name: source.name, latencyMs: sinceMs(start) };
      return walk.ok ? { ...shared, walked: walk.walked } : { ...shared, failure: walk.failure };
    }),
  );

/** Bound to everything that decides what is found. The query is under the MAC only, and so in no cursor. */
const bindingOf = (
  { principal, query, resources }: Search,
  sources: readonly SearchSource[],
): BlendBinding => ({
  userId: principal.userId,
  resource: JSON.stringify(['search', resources?.toSorted() ?? null, query]),
  sources: sources.map(({ key }) => key),
});

const positionAfter = (
  last: BlendedHit | undefined,
  before: BlendPosition | null,
  sources: readonly SearchSource[],
): BlendPosition | null => {
  if (last === undefined) return before;
  const { rank, resource, createdAt, id } = positionOf(last);
  const source = sources.findIndex(({ name }) => name === last._source);
  return { at: { createdAt, id }, source, hit: { rank, resource } };
};

/**
 * One page of what the sources find, best first, each hit with its `_source`. A rank comes of the row and the query
 * alone, so the ranks of several gateways are compared as they are. Peers are asked in parallel within one deadline,
 * every time: nothing is kept of a search. One that fails costs its hits of this page and leaves a notice.
 *
 * @throws MosaicError `invalid_cursor`, `peer_unknown`; the failure itself when no source answered
 */
export const searchEverywhere = async (deps: OutboundDeps, search: Search): Promise<SearchPage> =>
  asking(deps, tracedAs(search), async (context) => {
    const { principal, limit, cursor } = search;
    const { cursorMac } = deps.keys;
    const sources = searchSourcesFor(deps, search, search, search.source, context);
    const binding = bindingOf(search, sources);
    const state: BlendState | null =
      cursor === undefined
        ? { position: null, sources: sources.map(() => ({ done: false, upstream: null })) }
        : decodeBlendCursor(cursorMac, binding, cursor, deps.clock.now());
    if (state === null) throw new MosaicError('invalid_cursor');

    const found = await searchAll(sources, state, limit);
    const down = found.filter((outcome) => 'failure' in outcome);
    // Where nobody answered the answer is the error itself, and tells nobody once.
    const isTold = down.length > 0 && down.length < found.length;
    const session = { userId: principal.userId, id: search.session };
    const offline = isTold ? await newlyOffline(context, session, down) : NOBODY;
    const revoked = isTold ? await revokedNotices(deps, principal.userId, down) : [];
    // While the slowest was waited for, a grant may have been revoked. Nothing is awaited from here on.
    const outcomes = found.map((outcome): Outcome => {
      const { source, name, latencyMs } = outcome;
      return source.isRevoked() ? { source, name, latencyMs, failure: REVOKED } : outcome;
    });
    const failed = outcomes.filter((outcome) => 'failure' in outcome);
    const answered = outcomes.filter((outcome) => 'walked' in outcome);
    if (answered.length === 0 && failed[0] !== undefined)
      throw failureToError(failed[0].name, failed[0].failure);

    const pages = answered.map(({ name, walked }) => ({
      source: name,
      items: walked.rows,
      more: walked.more,
    }));
    const { items, taken, more } = blendInOrder(pages, limit, compareHits);
    const after = outcomes.map((outcome, index) =>
      'walked' in outcome
        ? outcome.walked.after(taken[outcome.name] ?? 0)
        : (state.sources[index] ?? { done: true, upstream: null }),
    );
    const position = positionAfter(items.at(-1), state.position, sources);
    const now = deps.clock.now();
    return {
      hits: items,
      next_cursor: more ? encodeBlendCursor(cursorMac, binding, { position, sources: after }, now) : null,
      sources: Object.fromEntries(
        outcomes.map((outcome, index) => [
          outcome.name,
          'failure' in outcome
            ? failedReport(outcome.failure, outcome.latencyMs, outcome.source.failedAt(outcome.failure))
            : {
                status: after[index]?.done === true ? ('complete' as const) : ('truncated' as const),
                count: taken[outcome.name] ?? 0,
                more: after[index]?.done !== true,
                as_of: now.toISOString(),
                latency_ms: outcome.latencyMs,
              },
        ]),
      ),
      notices: [...noticesOf(failed, offline), ...revoked],
    };
  });
