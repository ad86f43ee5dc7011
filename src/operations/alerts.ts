import type { Log, LogFields } from '../../domain/ports/basics.ts';
import { withCure } from '../../domain/status/alert-texts.ts';
import type { Alerts, Deps } from '../app/deps.ts';

export interface AlertParts extends Pick<Deps, 'log' | 'clock'> {
  readonly gatewayName: string;
  /** Sends one body and resolves to the status it was answered with. Absent: alerts are logged and counted only. */
  readonly post?: (body: string, signal: AbortSignal) => Promise<number>;
  /** Takes out of what goes to the webhook what the log's own lines are rid of (ABUSE 48). */
  readonly clean: (fields: LogFields) => Readonly<Record<string, unknown>>;
  /** Milliseconds before each further try. */
  readonly retryMs?: readonly number[];
}

const TIMEOUT_MS = 5_000;
const RETRY_MS = [1_000, 5_000];
/** A line that is logged again and again, as long as something is wrong, is told of once in this time. */
const REPEAT_MS = 15 * 60_000;
/** Lines told apart; with more, one may be told of again too early. */
const MAX_TOLD = 1_000;
/** Alerts on their way at once: more would be the same news again, and must not pile up behind a dead receiver. */
const MAX_SENDING = 32;

/** What a receiver gets of an error: its text is for the log, which redacts. */
const shown = (fields: LogFields): LogFields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => !(value instanceof Error)));

export interface RunningAlerts extends Alerts {
  /** The log it was given. A line with `alert` goes to the webhook, too: of each alert, and each peer, one in a quarter of an hour. */
  readonly log: Log;
  stop(): Promise<void>;
}

/**
 * Tells an operator that something needs a person: a line at level error with `alert`, a counter, and a POST to the
 * webhook, if there is one, with a few tries. Nothing waits for it.
 */
export const createAlerts = ({
  log,
  clock,
  gatewayName,
  post,
  clean,
  retryMs = RETRY_MS,
}: AlertParts): RunningAlerts => {
  const raised = new Map<string, number>();
  const last = new Map<string, Date>();
  const told = new Map<string, number>();
  const sending = new Set<Promise<void>>();
  const stopping = new AbortController();
  let lost = 0;

  const pause = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      stopping.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });

  const once = async (body: string): Promise<boolean> => {
    if (post === undefined) return true;
    try {
      const status = await post(body, AbortSignal.timeout(TIMEOUT_MS));
      if (status >= 200 && status < 300) return true;
      log.warn('the alert webhook did not accept an alert', { status });
    } catch (error) {
      log.warn('the alert webhook could not be called', { error: error as Error });
    }
    return false;
  };

  const send = async (body: string, lose: () => void): Promise<void> => {
    for (const wait of [0, ...retryMs]) {
      if (wait > 0) await pause(wait);
      if (await once(body)) return;
      if (stopping.signal.aborted) break;
    }
    lose();
  };

  const tell = (alert: string, message: string, fields: LogFields, onLost = (): void => {}): void => {
    if (post === undefined) return;
    const lose = (): void => {
      lost += 1;
      onLost();
    };
    if (sending.size >= MAX_SENDING || stopping.signal.aborted) return lose();
    const at = clock.now().toISOString();
    const body = JSON.stringify(
      clean({ alert, message, gateway: gatewayName, at, ...shown(withCure({ ...fields, alert })) }),
    );
    const work = send(body, lose).finally(() => sending.delete(work));
    sending.add(work);
  };

  /** Names are ours, and few. */
  const count = (alert: string): void => {
    raised.set(alert, (raised.get(alert) ?? 0) + 1);
    last.set(alert, clock.now());
  };

  const tellOfLine = (message: string, fields: LogFields = {}): void => {
    const { alert, peer_id: peer, writer_id: writer, authority } = fields;
    if (typeof alert !== 'string') return;
    count(alert);
    // A peer may make up writers: where a peer is named, it alone tells one alert from another.
    const key = JSON.stringify([alert, peer ?? writer ?? authority]);
    const now = clock.now().getTime();
    const since = now - (told.get(key) ?? -Infinity);
    if (since >= 0 && since < REPEAT_MS) return;
    if (told.size >= MAX_TOLD) told.clear();
    told.set(key, now);
    tell(alert, message, fields, () => told.delete(key));
  };

  return {
    log: {
      debug: (message, fields) => log.debug(message, fields),
      info: (message, fields) => log.info(message, fields),
      warn: (message, fields) => {
        log.warn(message, fields);
        tellOfLine(message, fields);
      },
      error: (message, fields) => {
        log.error(message, fields);
        tellOfLine(message, fields);
      },
    },
    raise: (alert, message, fields = {}) => {
      log.error(message, { ...fields, alert });
      count(alert);
      tell(alert, message, fields);
    },
    counters: () => ({ raised: Object.fromEntries(raised), last: Object.fromEntries(last), lost }),
    stop: async () => {
      stopping.abort();
      await Promise.all(sending);
    },
  };
};
