import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { err, ok, type Result } from '../../../domain/result.ts';
import { createCircuits, type Attempt } from './circuit.ts';
import { peerFailure, type PeerFailure } from './failure.ts';

const COOLDOWN_MS = 60;
const PROBE_MS = 200;
const down = err(peerFailure('peer_unreachable'));

const build = () => {
  const circuits = createCircuits(
    { failures: 3, cooldownMs: COOLDOWN_MS, probeMs: PROBE_MS },
    { now: () => new Date() },
  );
  let calls = 0;
  const run = (result: Result<number, PeerFailure>, givenUp = false) =>
    circuits.run('p', async (): Promise<Attempt<number>> => {
      calls += 1;
      return { result, givenUp };
    });
  const fail = async (times: number): Promise<void> => {
    for (let n = 0; n < times; n += 1) await run(down);
  };
  return { circuits, run, fail, calls: () => calls };
};

describe('circuits', () => {
  it('M5-4 opens after failures in a row and then makes no call', async () => {
    const { circuits, run, fail, calls } = build();
    await fail(2);
    await run(ok(1));
    await fail(2);
    expect(circuits.of('p').state).toBe('closed');
    await fail(1);
    const { state, since, nextProbe } = circuits.of('p');
    expect([state, (nextProbe?.getTime() ?? 0) - (since?.getTime() ?? 0)]).toEqual(['open', COOLDOWN_MS]);
    const before = calls();
    const refused = await Promise.all(Array.from({ length: 100 }, () => run(ok(1))));
    expect(calls()).toBe(before);
    expect(refused.every((one) => !one.ok && one.error.code === 'peer_circuit_open')).toBe(true);
    expect(circuits.of('another').state).toBe('closed');
  });

  it('M5-5 lets one call try after the cooldown, and closes by its success', async () => {
    const { circuits, run, fail, calls } = build();
    await fail(3);
    const { since } = circuits.of('p');
    await sleep(COOLDOWN_MS + 10);
    const before = calls();
    const [, ...others] = await Promise.all([run(down), run(ok(1)), run(ok(1))]);
    expect(calls()).toBe(before + 1);
    expect(others.every((one) => !one.ok && one.error.code === 'peer_circuit_open')).toBe(true);
    expect(circuits.of('p')).toMatchObject({ state: 'open', since });
    await sleep(COOLDOWN_MS + 10);
    expect(await run(ok(1))).toEqual(ok(1));
    expect(circuits.of('p')).toMatchObject({ state: 'closed', nextProbe: null });
    await fail(2);
    expect(circuits.of('p').state).toBe('closed');
  });

  it('F-74 takes a probe for lost that never came back, as one whose request was ended with it: the next call tries', async () => {
    const { circuits, run, fail, calls } = build();
    await fail(3);
    await sleep(COOLDOWN_MS + 10);
    void circuits.run('p', () => new Promise<Attempt<number>>(() => {}));
    const before = calls();
    expect(await run(ok(1))).toMatchObject({ ok: false, error: { code: 'peer_circuit_open' } });
    expect([calls(), circuits.of('p').state]).toEqual([before, 'half_open']);
    await sleep(PROBE_MS + 10);
    expect(await run(down)).toEqual(down);
    expect([calls(), circuits.of('p').state]).toEqual([before + 1, 'open']);
    await sleep(COOLDOWN_MS + 10);
    expect(await run(ok(1))).toEqual(ok(1));
    expect(circuits.of('p').state).toBe('closed');
  });

  it.each([
    ['a denial', peerFailure('peer_refused', { peerCode: 'grant_revoked' })],
    ['a 429', peerFailure('peer_refused', { peerCode: 'rate_limited', retryAfterSeconds: 1 })],
    ['an answer that is too large', peerFailure('peer_protocol', { tooLarge: true })],
  ])('%s is an answer: it never opens, and closes', async (_what, failure) => {
    const { circuits, run, fail } = build();
    for (let n = 0; n < 10; n += 1) await run(err(failure));
    expect(circuits.of('p').state).toBe('closed');
    await fail(3);
    await sleep(COOLDOWN_MS + 10);
    await run(err(failure));
    expect(circuits.of('p').state).toBe('closed');
  });

  it('a call that was given up counts neither way', async () => {
    const { circuits, run, fail } = build();
    await fail(2);
    for (let n = 0; n < 10; n += 1) expect(await run(down, true)).toBe(down);
    expect(circuits.of('p').state).toBe('closed');
    await fail(1);
    expect(circuits.of('p').state).toBe('open');
    await sleep(COOLDOWN_MS + 10);
    // The probe has its own time, so for it this is a failure like any other.
    await run(down, true);
    expect(circuits.of('p').state).toBe('open');
  });

  it('F-32 a fault of our own neither opens, nor closes, nor resets what was counted, and is told as it is', async () => {
    const { circuits, run, fail } = build();
    const fault = new Error('own');
    const ownFault = () => circuits.run('p', () => Promise.reject(fault));
    await fail(2);
    for (let n = 0; n < 5; n += 1) await expect(ownFault()).rejects.toBe(fault);
    expect(circuits.of('p').state).toBe('closed');
    await fail(1);
    expect(circuits.of('p').state).toBe('open');
    await sleep(COOLDOWN_MS + 10);
    // The probe of a peer that is down, with a database of ours that is away.
    await expect(ownFault()).rejects.toBe(fault);
    expect(circuits.of('p').state).toBe('open');
    expect(await run(ok(1))).toMatchObject({ ok: false, error: { code: 'peer_circuit_open' } });
    await sleep(COOLDOWN_MS + 10);
    expect(await run(ok(1))).toEqual(ok(1));
    expect(circuits.of('p').state).toBe('closed');
  });
});
