import type { ChainGap } from '../audit/chain.ts';
import type { AuditEntry, AuditOutcome } from '../audit/entry.ts';
import type { Page, PageRequest } from './page.ts';

export interface AuditFilter {
  readonly grantId?: string;
  readonly peerId?: string;
  readonly subjectUserId?: string;
  readonly outcome?: AuditOutcome;
  readonly verb?: string;
  readonly reasonCode?: string;
  readonly traceId?: string;
  readonly from?: Date;
  readonly to?: Date;
}

export interface AuditStore {
  /** One multi-row insert. */
  insertMany(entries: readonly AuditEntry[]): Promise<void>;
  list(page: PageRequest, filter: AuditFilter): Promise<Page<AuditEntry>>;
  /** Entries an hour (UTC) by outcome, oldest first; hours without any are left out. */
  histogram(filter: AuditFilter): Promise<readonly AuditHour[]>;
}

export interface AuditHour extends Readonly<Record<AuditOutcome, number>> {
  /** Its beginning. */
  readonly hour: Date;
}

/** One start of one replica, as the writer of chains. */
export interface AuditWriter {
  readonly id: string;
  readonly startedAt: Date;
  /** When it last told of itself. */
  readonly seenAt: Date;
  /** When it ended on purpose; null while it runs, or when it did not end so. */
  readonly stoppedAt: Date | null;
  /** Of a runtime that starts anew all the time: its silence means nothing. */
  readonly isEphemeral: boolean;
  /** As it last told. */
  readonly accepted: number;
  readonly written: number;
  readonly dropped: number;
}

export interface SignedGap extends ChainGap {
  readonly at: Date;
  readonly signature: string;
}

/** A checkpoint of ours that a peer has shown to hold. */
export interface SeenCheckpoint {
  readonly grantId: string;
  readonly writerId: string;
  readonly seq: number;
  readonly head: string;
  /** As `writeCheckpoint` writes it. */
  readonly checkpoint: string;
  readonly seenAt: Date;
}

export interface LostTail {
  readonly writerId: string;
  readonly at: Date;
  readonly signature: string;
}

export type ChainedEntry = AuditEntry & {
  readonly writerId: string;
  readonly seq: number;
  readonly head: string;
};

/** A part of one chain, both ends included. */
export interface Stretch {
  readonly writerId: string;
  readonly from: number;
  readonly to: number;
}

/** Grants by their ids. */
export interface AuditRange {
  /** null: from the first. */
  readonly after: string | null;
  /** Included; null: to the last. */
  readonly to: string | null;
}

/** Where a walk through the entries of a grant goes on. */
export interface WalkPosition {
  readonly at: Date;
  readonly id: string;
}

/** What makes the audit log checkable (docs/explanation/audit.md). Nothing here can be changed or deleted but a writer's own row. */
export interface AuditChainStore {
  /** Idempotent. */
  openWriter(writer: Pick<AuditWriter, 'id' | 'startedAt' | 'isEphemeral'>): Promise<void>;
  touchWriter(
    id: string,
    state: Pick<AuditWriter, 'seenAt' | 'stoppedAt' | 'accepted' | 'written' | 'dropped'>,
  ): Promise<void>;
  /** Idempotent. */
  insertGaps(gaps: readonly SignedGap[]): Promise<void>;
  /** Keeps the furthest of each chain; only for writers that are known. */
  recordSeen(seen: readonly SeenCheckpoint[]): Promise<void>;
  /** Writers that neither ended nor told of themselves since, and whose end nobody has reported. */
  silentWriters(since: Date, except: string): Promise<readonly AuditWriter[]>;
  /** False when another replica was faster. */
  insertLostTail(lost: LostTail): Promise<boolean>;
  writersOf(ids: readonly string[]): Promise<readonly AuditWriter[]>;
  lostTailsOf(writerIds: readonly string[]): Promise<readonly LostTail[]>;
  /** Grants, and what has gaps or checkpoints seen although its grant is gone: by id, after one. */
  chainedGrants(after: string | null, limit: number): Promise<readonly string[]>;
  /** Entries of a grant that are in a chain, oldest first. */
  walk(grantId: string | null, after: WalkPosition | null, limit: number): Promise<readonly ChainedEntry[]>;
  /**
   * Entries in chains of many grants, each grant's oldest first, the grant with the highest id first.
   * @param below only of grants below this one
   */
  walkBetween(range: AuditRange, below: string | null, limit: number): Promise<readonly ChainedEntry[]>;
  gapsOf(grantId: string | null): Promise<readonly SignedGap[]>;
  /** Grants that have gaps. */
  gappedBetween(range: AuditRange): Promise<readonly string[]>;
  seenOf(grantId: string): Promise<readonly SeenCheckpoint[]>;
  seenBetween(range: AuditRange): Promise<readonly SeenCheckpoint[]>;
  /**
   * Entries of a grant in several stretches of its chains, both ends included; each once, in the order of writer and seq. One
   * statement. @param stretches at most 64
   */
  stretches(grantId: string, stretches: readonly Stretch[]): Promise<readonly ChainedEntry[]>;
  /** Gaps of a grant that hold one of these entries. One statement. @param places at most 64 */
  gapsAround(
    grantId: string,
    places: readonly Pick<ChainedEntry, 'writerId' | 'seq'>[],
  ): Promise<readonly SignedGap[]>;
}
