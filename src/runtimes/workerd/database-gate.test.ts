import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MosaicError } from '../../../domain/errors.ts';
import { createDatabaseGate } from './database-gate.ts';

const never = (): void => undefined;
const fail = async (): Promise<string> => {
  throw new MosaicError('database_unavailable');
};

describe('F-76 an isolate and a database that is away', () => {
  it('after a failure one request a second tries, the others are told at once, and a success opens it', async () => {
    let at = 0;
    const gate = createDatabaseGate(1_000, () => at);
    let tries = 0;
    const open = async (work: () => Promise<string>): Promise<string> =>
      gate.through(() => {
        tries += 1;
        return work();
      }, never);
    await expect(open(fail)).rejects.toMatchObject({ code: 'database_unavailable' });
    const refused = await Promise.allSettled(Array.from({ length: 20 }, () => open(fail)));
    expect([refused.every(({ status }) => status === 'rejected'), tries]).toEqual([true, 1]);
    await expect(open(fail)).rejects.toMatchObject({ retryAfterSeconds: 1 });
    at = 1_001;
    const [first, second] = await Promise.allSettled([open(() => sleep(5, 'open')), open(fail)]);
    expect([first.status, second.status, tries]).toEqual(['fulfilled', 'rejected', 2]);
    expect(await open(async () => 'again')).toBe('again');
  });

  it('gives up what takes too long, and closes it when it comes at last', async () => {
    const gate = createDatabaseGate(20, Date.now);
    const late: string[] = [];
    const opening = gate.through(
      () => sleep(60, 'late'),
      (opened) => void late.push(opened),
    );
    await expect(opening).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(() => gate.assertOpen()).toThrow(MosaicError);
    await sleep(80);
    expect(late).toEqual(['late']);
  });

  it('another fault says nothing of it', async () => {
    const gate = createDatabaseGate(1_000, Date.now);
    const unfit = gate.through(async () => {
      throw new MosaicError('unavailable', { detail: 'older schema' });
    }, never);
    await expect(unfit).rejects.toMatchObject({ code: 'unavailable' });
    expect(gate.assertOpen()).toBeUndefined();
  });
});
