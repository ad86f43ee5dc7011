import type { Authority, Crl } from '../../../ca/authority.ts';
import { readCrlHead } from '../../../ca/x509/crl-read.ts';
import { toHex } from '../../../domain/bytes.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Clock } from '../../../domain/ports/basics.ts';
import type { PublishedPki } from '../../app/deps.ts';

interface Held<T> {
  readonly value: T;
  /** Milliseconds of the clock. */
  readonly at: number;
  /** Changes that were made here before it was asked for. */
  readonly changes: number;
}

/** Pure data, which outlives a request where a runtime starts anew for each. */
export interface PkiMemory {
  list: Held<Crl> | null;
  root: Held<string> | null;
  /** How often something was revoked or rolled here: what was asked for before is asked for again. */
  changes: number;
  /** When the authority was asked last without success. */
  failedAt: number;
}

export const newPkiMemory = (): PkiMemory => ({
  list: null,
  root: null,
  changes: 0,
  failedAt: Number.NEGATIVE_INFINITY,
});

/** How old an answer may be that nobody keeps current: what other gateways revoked is in it by then. */
const MAX_AGE_MS = 15_000;
/** How long an authority that is away is not asked again. */
const RETRY_MS = 5_000;

const issuerOf = ({ der }: Crl): string => {
  const list = readCrlHead(der);
  return list === null ? '' : toHex(list.issuer);
};

/** An older list of the same issuer would hide revocations that were published already. */
const isOlder = (next: Crl, held: Crl): boolean =>
  next.number < held.number && issuerOf(next) === issuerOf(held);

/** One call for all who ask meanwhile. */
const createFlight = <T>(ask: () => Promise<T>): (() => Promise<T>) => {
  let flight: Promise<T> | null = null;
  return () =>
    (flight ??= ask().finally(() => {
      flight = null;
    }));
};

export interface Publishing {
  /** The same authority; what passes through it is held. */
  readonly authority: Authority;
  readonly pki: PublishedPki;
  /** A front's keeper asks for the list at intervals and after each revocation, so that no reader ever does. */
  readonly keptByFront: () => void;
}

/**
 * Holds the list that the authority signed last. It is signed and carries its own end, so it is served until then, also
 * while the authority or the database is away.
 */
export const publishPki = (ca: Authority, clock: Clock, memory: PkiMemory = newPkiMemory()): Publishing => {
  let isKept = false;
  const now = (): number => clock.now().getTime();
  const isValid = ({ nextUpdate }: Crl): boolean => nextUpdate > clock.now();

  const noted = async (ask: () => Promise<Crl>): Promise<Crl> => {
    const { changes } = memory;
    const next = await ask();
    const held = memory.list?.value;
    if (!isValid(next) || (held !== undefined && isOlder(next, held))) return next;
    memory.list = { value: next, at: now(), changes };
    return next;
  };

  /** An authority that has gone back is as one that is away, as long as the newer list lasts. */
  const askList = createFlight(async () => {
    const next = await noted(() => ca.crl());
    const held = memory.list?.value;
    if (held === undefined || !isValid(held) || !isOlder(next, held)) return next;
    memory.failedAt = now();
    return held;
  });
  const askRoot = createFlight(async () => {
    const { changes } = memory;
    const value = await ca.rootPem();
    memory.root = { value, at: now(), changes };
    return value;
  });

  const current = async <T>(
    held: Held<T> | null,
    isUsable: (value: T) => boolean,
    ask: () => Promise<T>,
  ): Promise<T> => {
    const usable = held !== null && isUsable(held.value) ? held : null;
    const isFresh = usable !== null && usable.changes === memory.changes && now() - usable.at < MAX_AGE_MS;
    if (usable !== null && (isFresh || now() - memory.failedAt < RETRY_MS)) return usable.value;
    if (usable === null && now() - memory.failedAt < RETRY_MS) throw new MosaicError('ca_unavailable');
    try {
      return await ask();
    } catch (error) {
      memory.failedAt = now();
      if (usable !== null) return usable.value;
      throw error;
    }
  };

  const touched = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work;
    memory.changes += 1;
    return result;
  };
  const { roll } = ca;

  return {
    authority: {
      ...ca,
      crl: (options) => noted(() => ca.crl(options)),
      revoke: (serial, reason, at) => touched(ca.revoke(serial, reason, at)),
      ...(roll === undefined ? {} : { roll: (step) => touched(roll(step)) }),
    },
    pki: {
      list: async () => {
        const { list } = memory;
        if (isKept && list !== null && isValid(list.value)) return list.value;
        return current(list, isValid, askList);
      },
      rootPem: async () => current(memory.root, () => true, askRoot),
    },
    keptByFront: () => {
      isKept = true;
    },
  };
};
