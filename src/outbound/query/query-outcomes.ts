import type { SourceName } from '../../../domain/blend/blend.ts';
import { failedStatus, peerFailure, type PeerFailure } from '../client/failure.ts';
import type { Session } from './offline.ts';
import type { Walked } from '../client/walk.ts';
import type { BlendState, SourceState } from './query-cursor.ts';
import { sinceMs } from './query-report.ts';
import type { Source, Wish } from './query-sources.ts';

/** What asking one source came to. */
export type Outcome = {
  readonly source: Source;
  readonly name: SourceName;
  readonly latencyMs: number;
} & ({ readonly walked: Walked } | { readonly failure: PeerFailure });

const NOTHING_LEFT: Walked = { rows: [], more: false, after: () => ({ done: true, upstream: null }) };

/** Answers that were overtaken by what was learned meanwhile are asked for again this often; then they are none. */
export const OVERTAKEN_TIMES = 2;

const read = async (
  source: Source,
  from: SourceState,
  state: BlendState,
  limit: number,
): Promise<Outcome> => {
  const start = performance.now();
  const walk = await source.list(from, state.position, limit);
  const shared = { source, name: source.name, latencyMs: sinceMs(start) };
  return walk.ok ? { ...shared, walked: walk.walked } : { ...shared, failure: walk.failure };
};

export const isOvertaken = (outcome: Outcome): boolean => 'walked' in outcome && outcome.source.isOutdated();

export const OVERTAKEN = peerFailure('peer_refused', {
  message: 'The grant of the peer changed while the gateway asked.',
});

export const overtaken = ({ source, name, latencyMs }: Outcome): Outcome => ({
  source,
  name,
  latencyMs,
  failure: OVERTAKEN,
});

/** All sources at once. While the slowest was waited for, something may have been learned of the others. */
export const readAll = async (
  sources: readonly Source[],
  state: BlendState,
  limit: number,
): Promise<readonly Outcome[]> => {
  let outcomes = await Promise.all(
    sources.map(async (source, index): Promise<Outcome> => {
      const from = state.sources[index];
      return from === undefined || from.done
        ? { source, name: source.name, latencyMs: 0, walked: NOTHING_LEFT }
        : read(source, from, state, limit);
    }),
  );
  for (let time = 0; time < OVERTAKEN_TIMES && outcomes.some(isOvertaken); time += 1) {
    outcomes = await Promise.all(
      outcomes.map(async (outcome, index) => {
        const from = state.sources[index];
        return from !== undefined && isOvertaken(outcome)
          ? read(outcome.source, from, state, limit)
          : outcome;
      }),
    );
  }
  return outcomes;
};

/** The peers whose being offline is to be told with this answer: once a session and outage. */
export const newlyOffline = async (
  { outbound }: Pick<Wish, 'outbound'>,
  session: Session,
  failed: readonly { readonly source: Pick<Source, 'name' | 'peer'>; readonly failure: PeerFailure }[],
): Promise<ReadonlySet<SourceName>> => {
  const told = new Set<SourceName>();
  await Promise.all(
    failed.map(async ({ source, failure }) => {
      // A fault of our own says nothing of the peer.
      if (failure.code === 'unavailable') return;
      if (failedStatus(failure) !== 'unreachable' || source.peer === null) return;
      if (await outbound.offline.isNew(session, source.peer)) told.add(source.name);
    }),
  );
  return told;
};
