import { MosaicError } from '../domain/errors.ts';
import type { Driver, Queryable } from './driver/driver.ts';
import { DatabaseFault } from './driver/errors.ts';
import type { DatabaseMonitor } from './monitor.ts';
import { unfit } from './session-facts.ts';

/** Tells a server from its copies and from what it was before a failover. */
export interface DatabaseIdentity {
  readonly systemId: string;
  /** Hexadecimal, eight digits; rises with each promotion. */
  readonly timeline: string;
}

/** The right of this process to serve peers: proven by a commit on the primary less than `seconds` ago. */
export interface Lease {
  /** Of this process, as its row names it. */
  readonly holder: string;
  readonly lengthMs: number;
  /** @throws MosaicError `database_unavailable` when it is not held at this moment */
  assertHeld(): void;
  /**
   * Whether the server behind that session knows it, and whether its clock agrees, at this moment: before a refusal counts.
   * @throws as `assertHeld`
   */
  assertHeldOn(database: Queryable): Promise<void>;
  /** The primary it was last committed on, or one that is known to have come after it; null before the first time. */
  readonly identity: DatabaseIdentity | null;
  /** A connection has seen a primary that came after: the lease is to be taken there, and never again on the one before. */
  leave(timeline: string): void;
  /** Takes it, and renews it until `stop`. @throws MosaicError when it cannot be taken now; it is tried again all the same */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface LeaseParts {
  /** A connection of its own: what else is written does not hold it up. */
  readonly driver: Driver;
  readonly seconds: number;
  readonly monitor: DatabaseMonitor;
  /** Of this host, in milliseconds since the epoch. */
  readonly clock: () => number;
  /** Its connection leads to another cluster, or to a server from before a failover: the next one may lead elsewhere. */
  readonly onAstray: () => void;
  /** Another primary has taken over: connections to the one before are of no use. */
  readonly onMoved: () => void;
  /** Looks after what failed last time. */
  readonly retry: (failing: ReadonlySet<string>) => void;
  /** Opens a connection for each statement, and tells the lease what it has seen: open ones stay with an old primary that lives on. */
  readonly scout: Driver;
}

/** Farther apart than that, and times that both write cannot be compared. */
const MAX_SKEW_MS = 5_000;
const RETRY_MS = 1_000;
const LEASE = 'lease';

const NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint as at';

/**
 * The row is written only on the cluster that the process knows, and on no earlier timeline of it. The answer comes when the
 * commit is durable as the server understands it: with a synchronous standby, there as well.
 */
const BEAT = `with me as (select * from app.database_identity()), beat as (
  insert into gateway_leases (holder, expires_at)
  select $1::uuid, clock_timestamp() + $2::int * interval '1 second' from me
  where ($3::text is null or me.system_id = $3::text) and me.timeline >= $4::text
  on conflict (holder) do update set expires_at = excluded.expires_at
  returning 1
)
select me.system_id, me.timeline, exists (select from beat) as written,
  ${NOW} from me`;

const IS_HELD = `select ${NOW} from gateway_leases where holder = $1::uuid and expires_at > clock_timestamp()`;
const GIVE_BACK = `delete from gateway_leases where holder = $1::uuid or expires_at < clock_timestamp() - interval '1 day'`;

interface Beat {
  readonly system_id: string;
  readonly timeline: string;
  readonly written: boolean;
  readonly at: string;
}

const notHeld = (): MosaicError =>
  new MosaicError('database_unavailable', {
    cause: new DatabaseFault('LEASE', 'no commit on the primary within the serving lease'),
  });

/** What the clocks certainly differ by, in milliseconds: the time of the round trip is in doubt. */
const skewOf = (databaseAt: number, sentAt: number, answeredAt: number): number =>
  Math.max(0, sentAt - databaseAt, databaseAt - answeredAt);

export const createLease = (parts: LeaseParts): Lease => {
  const { driver, seconds, monitor, clock } = parts;
  const holder = crypto.randomUUID();
  const lengthMs = seconds * 1_000;
  let identity: DatabaseIdentity | null = null;
  let heldUntil = -Infinity;
  let isSkewed = false;
  let isStopped = false;
  /** To be taken anew at once. */
  let isLeaving = false;
  let isUnderWay = false;
  let lookedAt = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const beat = async (): Promise<void> => {
    const from = performance.now();
    const sentAt = clock();
    const [row] = await driver.query<Beat>(BEAT, [
      holder,
      seconds,
      identity?.systemId ?? null,
      identity?.timeline ?? '',
    ]);
    // What was under way when the process stopped gives it no right any more.
    if (isStopped) return;
    // Of a later one it may have been told while this was under way.
    if (row?.written !== true || row.timeline < (identity?.timeline ?? '')) {
      parts.onAstray();
      throw unfit('OTHER_CLUSTER');
    }
    const isMoved = identity !== null && identity.timeline !== row.timeline;
    identity = { systemId: row.system_id, timeline: row.timeline };
    if (isMoved) parts.onMoved();
    isSkewed = skewOf(Number(row.at), sentAt, clock()) > MAX_SKEW_MS;
    // From before it was sent: the server counts from later.
    heldUntil = from + lengthMs;
    if (isSkewed) throw unfit('CLOCK_SKEW');
  };

  /** Where the address leads now. Once in the length of a lease, so that an old primary is left within about that. */
  const look = (): void => {
    if (performance.now() - lookedAt < lengthMs) return;
    lookedAt = performance.now();
    void parts.scout.query('select 1').catch(() => undefined);
  };

  const round = async (): Promise<void> => {
    isUnderWay = true;
    look();
    let waitMs = Math.max(RETRY_MS / 2, lengthMs / 5);
    try {
      await beat();
      monitor.worked(LEASE);
    } catch (error) {
      monitor.failed(LEASE, error);
      waitMs = RETRY_MS;
      throw error;
    } finally {
      isUnderWay = false;
      if (monitor.failing.size > 0) parts.retry(monitor.failing);
      // Its failure was told to the monitor.
      if (!isStopped) timer = setTimeout(() => void round().catch(() => undefined), isLeaving ? 0 : waitMs);
      isLeaving = false;
    }
  };

  return {
    holder,
    lengthMs,
    get identity() {
      return identity;
    },
    assertHeld: () => {
      if (isSkewed) throw unfit('CLOCK_SKEW');
      if (performance.now() >= heldUntil) throw notHeld();
    },
    assertHeldOn: async (database) => {
      const sentAt = clock();
      const [held] = await database.query<Pick<Beat, 'at'>>(IS_HELD, [holder]);
      if (held === undefined) throw notHeld();
      // A clock that has stepped since the last beat.
      if (skewOf(Number(held.at), sentAt, clock()) > MAX_SKEW_MS) throw unfit('CLOCK_SKEW');
    },
    leave: (timeline) => {
      if (isStopped || identity === null || timeline <= identity.timeline) return;
      identity = { ...identity, timeline };
      heldUntil = -Infinity;
      parts.onAstray();
      parts.onMoved();
      isLeaving = isUnderWay;
      if (isUnderWay) return;
      clearTimeout(timer);
      void round().catch(() => undefined);
    },
    start: () => round(),
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      heldUntil = -Infinity;
      // A row that stays expires.
      await driver.query(GIVE_BACK, [holder]).catch(() => undefined);
      await Promise.all([driver.close(), parts.scout.close()]);
    },
  };
};
