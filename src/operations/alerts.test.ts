import { describe, expect, it } from 'vitest';
import type { LogFields } from '../../domain/ports/basics.ts';
import { ALERTS } from '../../domain/status/alert-texts.ts';
import { createAlerts } from './alerts.ts';

/** As a runtime's (src/runtimes/common/redact.ts), so far as a test can tell. */
const clean = ({ secret: _secret, ...fields }: LogFields): Readonly<Record<string, unknown>> => fields;

const START = new Date('2026-01-10T00:00:00Z');

const setup = (answers: readonly (number | Error)[], retryMs: readonly number[] = [1, 1]) => {
  const lines: { level: string; message: string; fields: LogFields | undefined }[] = [];
  const line = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push({ level, message, fields });
  const log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const bodies: string[] = [];
  const left = [...answers];
  let time = START.getTime();
  const clock = { now: () => new Date(time) };
  const post = (body: string): Promise<number> => {
    bodies.push(body);
    const next = left.shift() ?? 200;
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  const alerts = createAlerts({ log, clock, gatewayName: 'home', post, clean, retryMs });
  return { lines, bodies, alerts, pass: (minutes: number) => (time += minutes * 60_000) };
};

describe('alerts', () => {
  it('M6-6 are a log line with `alert`, a counter and a POST that says what, where and when', async () => {
    const { lines, bodies, alerts } = setup([]);
    alerts.raise('peer_renewal_failed', 'it failed', { peer: 'work', error: new Error('at 10.0.0.1') });
    await expect.poll(() => bodies.length).toBe(1);
    expect(lines).toMatchObject([
      { level: 'error', message: 'it failed', fields: { alert: 'peer_renewal_failed' } },
    ]);
    expect(JSON.parse(bodies[0] ?? '')).toEqual({
      alert: 'peer_renewal_failed',
      message: 'it failed',
      gateway: 'home',
      at: '2026-01-10T00:00:00.000Z',
      cure: ALERTS.peer_renewal_failed.cure,
      peer: 'work',
    });
    expect(alerts.counters()).toMatchObject({ raised: { peer_renewal_failed: 1 }, lost: 0 });
    await alerts.stop();
  });

  it('are sent again a few times, and then counted as lost', async () => {
    const one = setup([500, new Error('reset'), 204]);
    one.alerts.raise('a', 'once');
    await expect.poll(() => one.bodies.length).toBe(3);
    await one.alerts.stop();
    expect(one.alerts.counters().lost).toBe(0);
    const none = setup([302, 404, 500, 200]);
    none.alerts.raise('a', 'once');
    await expect.poll(() => none.alerts.counters().lost).toBe(1);
    expect(none.bodies).toHaveLength(3);
  });

  it('do not pile up behind a receiver that is slow, and a stop does not wait for its retries', async () => {
    const { alerts, bodies } = setup(
      Array.from({ length: 100 }, () => 500),
      [3_600_000],
    );
    for (let count = 0; count < 100; count += 1) alerts.raise('a', 'again');
    expect(bodies).toHaveLength(32);
    expect(alerts.counters()).toMatchObject({ raised: { a: 100 }, lost: 68 });
    const before = Date.now();
    await alerts.stop();
    expect(Date.now() - before).toBeLessThan(5_000);
    expect(alerts.counters().lost).toBe(100);
  });

  it('are also log lines with `alert`, whoever writes them: one in a quarter of an hour for each peer', async () => {
    const { lines, bodies, alerts, pass } = setup([]);
    const line = (alert: string, peer?: string) =>
      alerts.log.error('it is so', {
        alert,
        error: new Error('at 10.0.0.1'),
        ...(peer ? { peer_id: peer } : {}),
      });
    line('crl_expiring');
    line('crl_expiring');
    line('peer_list_older', 'one');
    line('peer_list_older', 'other');
    alerts.log.error('no alert');
    alerts.log.warn('nor this', { peer_id: 'one' });
    pass(14);
    line('crl_expiring');
    pass(1);
    line('crl_expiring');
    await expect.poll(() => bodies.length).toBe(4);
    await alerts.stop();
    expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual([
      {
        alert: 'crl_expiring',
        message: 'it is so',
        gateway: 'home',
        at: '2026-01-10T00:00:00.000Z',
        cure: ALERTS.crl_expiring.cure,
      },
      expect.objectContaining({ alert: 'peer_list_older', peer_id: 'one' }),
      expect.objectContaining({ alert: 'peer_list_older', peer_id: 'other' }),
      expect.objectContaining({ alert: 'crl_expiring', at: '2026-01-10T00:15:00.000Z' }),
    ]);
    // Logged all the same, and counted, as the metrics do (F-52: the status said that there were none).
    expect(lines).toHaveLength(8);
    expect(alerts.counters()).toMatchObject({
      raised: { crl_expiring: 4, peer_list_older: 2 },
      last: { crl_expiring: expect.any(Date) as Date },
      lost: 0,
    });
  });

  it('of two writers are two, and one that did not get through is told of again', async () => {
    const { bodies, alerts } = setup([500, 500, 500]);
    const line = (alert: string, fields: LogFields) => alerts.log.error('it is so', { alert, ...fields });
    line('front_stale', {});
    await expect.poll(() => alerts.counters().lost).toBe(1);
    line('front_stale', {});
    line('audit_lost_tail', { writer_id: 'one' });
    line('audit_lost_tail', { writer_id: 'other' });
    line('audit_two_heads', { peer_id: 'peer', writer_id: 'one' });
    line('audit_two_heads', { peer_id: 'peer', writer_id: 'made up' });
    line('audit_two_heads', { peer_id: 'another', writer_id: 'one', secret: 'canary' });
    await expect.poll(() => bodies.length).toBe(8);
    await alerts.stop();
    expect(bodies.slice(3).map((body) => JSON.parse(body) as unknown)).toMatchObject([
      { alert: 'front_stale' },
      { alert: 'audit_lost_tail', writer_id: 'one' },
      { alert: 'audit_lost_tail', writer_id: 'other' },
      { alert: 'audit_two_heads', peer_id: 'peer', writer_id: 'one' },
      { alert: 'audit_two_heads', peer_id: 'another' },
    ]);
    expect(bodies.join('')).not.toContain('canary');
  });
});
