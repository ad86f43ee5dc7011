import {
  growTree,
  MAX_CHAINS,
  readCheckpoint,
  rootOf,
  signedText,
  writeCheckpoint,
} from '../../domain/audit/checkpoint.ts';
import { isUuid } from '../../domain/uuid.ts';
import type { AuditQueueOptions } from './audit-queue-options.ts';
import { sha256 } from '../kernel/mac.ts';

export interface Checkpoints {
  /** Signs what is committed further than the last checkpoints say, at most once a second, in the background. */
  sign(): void;
  /** A peer shows a checkpoint. It is text from outside: it counts once our own signature on it is verified. */
  seen(grantId: string, text: string): void;
  settled(): Promise<void>;
  stop(): void;
}

type Parts = Pick<AuditQueueOptions, 'chains' | 'signer' | 'clock' | 'log' | 'chainStore'>;

const EVERY_MS = 1_000;
/** Grants whose peers' showings wait to be looked at. More are left for their next request. */
const MAX_WAITING = 10_000;
/** Showings looked at in one round: each costs a signature's verification. */
const SEEN_AT_ONCE = 100;
const MAX_REMEMBERED = 10_000;

/** Runs `work` at most once in `EVERY_MS`, and never twice at once. */
const paced = (work: () => Promise<boolean>) => {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let running: Promise<void> | null = null;
  let nextAt = 0;
  let isStopped = false;
  const run = async (): Promise<void> => {
    const hasMore = await work();
    running = null;
    nextAt = performance.now() + EVERY_MS;
    if (hasMore) ask();
  };
  const start = (): void => {
    timer = null;
    running = run();
  };
  const ask = (): void => {
    if (isStopped || timer !== null || running !== null) return;
    const wait = nextAt - performance.now();
    if (wait <= 0) start();
    else timer = setTimeout(start, wait);
  };
  return {
    ask,
    settled: async () => {
      await running;
    },
    stop: () => {
      isStopped = true;
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
};

/** Signed checkpoints of what is committed, and those that peers have shown to hold. */
export const createCheckpoints = ({ chains, signer, clock, log, chainStore }: Parts): Checkpoints => {
  const waiting = new Map<string, string>();
  /** What was stored last, so that the same showing is not verified again. */
  const stored = new Map<string, string>();

  const signing = paced(async () => {
    const due = chains.takeUnsigned(MAX_CHAINS);
    if (due.length === 0) return false;
    try {
      const at = clock.now();
      const { root, paths } = growTree(sha256, due);
      const signature = await signer.sign(signedText(chains.writerId, at, root));
      for (const [index, [grantId, covered]] of due.entries())
        chains.setCheckpoint(
          grantId,
          writeCheckpoint({ ...covered, at, path: paths[index] ?? [], signature }),
        );
    } catch (error) {
      log.error('audit checkpoints were not signed', { error: error as Error });
    }
    return false;
  });

  const verified = async (grantId: string, text: string) => {
    const checkpoint = readCheckpoint(text);
    if (checkpoint === null) return [];
    const signed = signedText(checkpoint.writerId, checkpoint.at, rootOf(sha256, grantId, checkpoint));
    if (!(await signer.verify(signed, checkpoint.signature))) return [];
    const { writerId, seq, head } = checkpoint;
    return [{ grantId, writerId, seq, head, checkpoint: text, seenAt: clock.now() }];
  };

  const looking = paced(async () => {
    const round = [...waiting].slice(0, SEEN_AT_ONCE);
    for (const [grantId] of round) waiting.delete(grantId);
    try {
      const good = await Promise.all(round.map(([grantId, text]) => verified(grantId, text)));
      await chainStore.recordSeen(good.flat());
      if (stored.size > MAX_REMEMBERED) stored.clear();
      for (const [grantId, text] of round) stored.set(grantId, text);
    } catch (error) {
      // The peer shows it again, or a newer one.
      log.warn('checkpoints that peers hold were not recorded', { error: error as Error });
    }
    return waiting.size > 0;
  });

  return {
    sign: signing.ask,
    seen: (grantId, text) => {
      if (stored.get(grantId) === text || !isUuid(grantId)) return;
      if (waiting.size >= MAX_WAITING && !waiting.has(grantId)) return;
      waiting.set(grantId, text);
      looking.ask();
    },
    settled: async () => {
      await signing.settled();
      await looking.settled();
    },
    stop: () => {
      signing.stop();
      looking.stop();
    },
  };
};
