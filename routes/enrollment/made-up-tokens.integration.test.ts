import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  isMarkedEnrollmentToken,
  newEnrollmentToken,
} from '../../src/inbound/enrollment/enrollment-token.ts';
import { hashText, macWith, toBase64Url } from '../../src/kernel/mac.ts';
import { createMemoryKeyValue } from '../../src/kv/memory.ts';
import { loadGatewayKeys } from '../../src/operations/gateway-keys.ts';
import { startGateway, type Gateway } from '../testing/gateway.testkit.ts';

/** As many as the limits of an address let pass, and more. */
const MANY = 1_000;

describe('made-up enrollment tokens', () => {
  let gateway: Gateway;
  let now = Date.now();
  beforeAll(async () => {
    // No bucket is filled again while a test runs.
    const clock = { now: () => new Date(now) };
    gateway = await startGateway(({ ca }) => ({
      clock,
      kv: createMemoryKeyValue({ clock }),
      // The authority has the true time, and signs for no other.
      ca: {
        ...ca,
        issue: (request) =>
          ca.issue({ ...request, notBefore: new Date(Math.floor(Date.now() / 1_000) * 1_000) }),
      },
    }));
    await gateway.user('alice');
  });
  afterAll(() => gateway.close());

  const madeUp = (): string => toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
  /** Until the address has nothing left. @returns how often each status was answered */
  const flood = async (env: object): Promise<Record<number, number>> => {
    const statuses: Record<number, number> = {};
    for (let sent = 0; sent < MANY; sent += 1) {
      const { status } = await gateway.redeem({ token: madeUp(), csr: 'no' }, env);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    return statuses;
  };
  const from = (clientAddress: string) => ({ clientAddress });

  it.each([
    ['an address', from('198.51.100.1')],
    ['a network', from('2001:db8::1')],
    ['nobody knows where', {}],
  ])('N-8 1,000 from %s do not keep the holder of a real one there from enrolling', async (_, env) => {
    const { token } = await gateway.grant('alice');
    expect(await flood(env)).toEqual({ 400: 240, 429: 760 });
    const answer = await gateway.redeem({ token, csr: await gateway.newCsr() }, env);
    expect(answer.status).toBe(201);
  });

  it('N-8 beyond the early limit only a small body is read, whoever sends it', async () => {
    const env = from('198.51.100.2');
    await flood(env);
    const { token } = await gateway.grant('alice');
    const body = { token, csr: await gateway.newCsr() };
    const padded = (bytes: number) => {
      const csr = body.csr.padEnd(bytes - JSON.stringify({ ...body, csr: '' }).length);
      // Each line break of the request takes two characters in JSON.
      return { token, csr: csr.slice(0, csr.length - (body.csr.split('\n').length - 1)) };
    };
    expect(JSON.stringify(padded(4_096))).toHaveLength(4_096);
    const refused = await gateway.redeem(padded(4_097), env);
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await gateway.redeem(padded(4_096), env)).status).toBe(201);
  });

  /** Without a member that the route knows, so that it is 400 for whoever gets as far as that. */
  const unparsed = (token: unknown, env: object) =>
    gateway.call('/enrollment/v1/redeem', { body: { token, unknown: 1 }, env });

  it('N-8 what does not hold a token of ours there is refused before it is parsed', async () => {
    const env = from('198.51.100.3');
    await flood(env);
    const { token } = await gateway.grant('alice');
    for (const other of [
      1,
      '',
      'x',
      madeUp(),
      `mos_${madeUp()}`,
      'x'.repeat(513),
      `${token}A`,
      { csr: '' },
    ]) {
      const { status, headers } = await unparsed(other, env);
      expect([status, headers.get('ratelimit-policy')]).toEqual([429, '"address";q=480;w=120']);
    }
    // A text within a text is no token; one in a place of its own is looked at, and refused when it is parsed.
    expect((await unparsed(JSON.stringify({ token }), env)).status).toBe(429);
    expect((await unparsed({ token }, env)).status).toBe(400);
  });

  it('N-8 four a second more are parsed there, and everything where the address is not known', async () => {
    const env = from('198.51.100.8');
    await flood(env);
    now += 1_000;
    const statuses = [];
    for (let sent = 0; sent < 6; sent += 1) statuses.push((await unparsed(madeUp(), env)).status);
    expect(statuses).toEqual([400, 400, 400, 400, 429, 429]);
    await flood({});
    expect((await unparsed(madeUp(), {})).status).toBe(400);
  });

  it('N-8 a token of ours is counted by itself there, whatever else is sent with it', async () => {
    const env = from('198.51.100.7');
    await flood(env);
    const { token } = await gateway.grant('alice');
    const statusesOf = async (times: number) => {
      const statuses: Record<number, number> = {};
      for (let sent = 0; sent < times; sent += 1) {
        const { status, headers } = await unparsed(token, env);
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (status === 429) expect(headers.get('ratelimit-policy')).toBe('"token";q=240;w=120');
      }
      return statuses;
    };
    expect(await statusesOf(300)).toEqual({ 400: 240, 429: 60 });
    const other = await gateway.grant('alice');
    const answer = await gateway.redeem({ token: other.token, csr: await gateway.newCsr() }, env);
    expect(answer.status).toBe(201);
    now += 1_000;
    // Four by what the address has again, and two by what the token has.
    expect(await statusesOf(10)).toEqual({ 400: 6, 429: 4 });
  });

  it('N-8 a token without a mark that counts is redeemed within the limits of strangers', async () => {
    const { grant } = await gateway.grant('alice');
    const ofEarlierKey = newEnrollmentToken(gateway.deps.random, macWith(new Uint8Array(32)));
    await gateway.sql('update federation_enrollment_tokens set hash = $2 where grant_id = $1', [
      grant.id,
      hashText(ofEarlierKey),
    ]);
    const body = { token: ofEarlierKey, csr: await gateway.newCsr() };
    await flood(from('198.51.100.4'));
    expect((await gateway.redeem(body, from('198.51.100.4'))).status).toBe(429);
    expect((await gateway.redeem(body, from('198.51.100.5'))).status).toBe(201);
  });

  it('N-8 a spent token that is sent again and again holds up itself alone', async () => {
    const env = from('198.51.100.6');
    const [spent, other] = [await gateway.grant('alice'), await gateway.grant('alice')];
    const csr = await gateway.newCsr();
    expect((await gateway.redeem({ token: spent.token, csr }, env)).status).toBe(201);
    let last = 0;
    for (let sent = 0; sent < MANY; sent += 1)
      last = (await gateway.redeem({ token: spent.token, csr: 'no' }, env)).status;
    expect(last).toBe(429);
    expect((await gateway.redeem({ token: other.token, csr }, env)).status).toBe(201);
    // Nobody else at the address is held up either, once the limit before the body has room again.
    now += 1_000;
    expect((await gateway.redeem({ token: madeUp(), csr: 'no' }, env)).status).toBe(400);
  });

  it('N-8 every replica knows the mark: the key is in the database', async () => {
    const { token } = await gateway.grant('alice');
    const { storage, sealer, random } = gateway.deps;
    const replica = await loadGatewayKeys({ secrets: storage.stores.secrets, sealer, random });
    expect(isMarkedEnrollmentToken(token, replica.cursorMac)).toBe(true);
    expect(isMarkedEnrollmentToken(token, macWith(new Uint8Array(32)))).toBe(false);
  });
});
