import type { Answer, Connection, Shape } from './connection.ts';
import type { Param } from './driver.ts';
import { DatabaseFault } from './errors.ts';

/** A connection of a pool, and what goes on on it. */
export interface Slot {
  readonly connection: Connection;
  readonly bornAt: number;
  /** Callers that have it: of statements, or the one of a transaction. */
  users: number;
  isHeld: boolean;
  /** Statements without an answer. */
  inFlight: number;
  /** When the first of them was sent, or the last answer came, by `performance.now()`. */
  movedAt: number;
  lookedAt: number;
}

export type Statement = readonly [text: string, params: readonly Param[], shape: Shape];

/** A connection that gave no answer for so long is looked after from another one. */
const SILENT_MS = 2_000;

export const newSlot = (connection: Connection): Slot => {
  const now = performance.now();
  return { connection, bornAt: now, users: 0, isHeld: false, inFlight: 0, movedAt: now, lookedAt: 0 };
};

/** Whether one more statement, or a caller who wants it alone, may have it. */
export const fits = (slot: Slot, isAlone: boolean, pipeline: number): boolean =>
  !slot.isHeld && (isAlone ? slot.users === 0 : slot.users < pipeline);

export const take = (slot: Slot, isAlone: boolean): Slot => {
  slot.users += 1;
  slot.isHeld = isAlone;
  return slot;
};

/** Something was sent and nothing came back, for a while since it was last looked after. */
export const isSilent = ({ connection, inFlight, movedAt, lookedAt }: Slot): boolean =>
  inFlight > 0 && connection.session !== null && performance.now() - Math.max(movedAt, lookedAt) > SILENT_MS;

export const isOutOfUse = (
  { users, movedAt, bornAt }: Slot,
  { idleMs, lifetimeMs }: { readonly idleMs: number; readonly lifetimeMs: number },
): boolean =>
  users === 0 && (performance.now() - movedAt > idleMs || performance.now() - bornAt > lifetimeMs);

/**
 * Sends on a connection.
 * @param late called when there was no answer within `limitMs`; the caller has been told so by then
 */
export const sendOn = (
  slot: Slot,
  [text, params, shape]: Statement,
  limitMs: number,
  late: () => void,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        reject(new DatabaseFault('DEADLINE', 'no answer in time'));
        late();
      },
      Math.max(1, limitMs),
    );
    const settle = (): void => {
      clearTimeout(timer);
      slot.inFlight -= 1;
      slot.movedAt = performance.now();
    };
    if (slot.inFlight === 0) slot.movedAt = performance.now();
    slot.inFlight += 1;
    slot.connection.send(text, params, shape).finally(settle).then(resolve, reject);
  });
