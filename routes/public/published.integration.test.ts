import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MosaicError } from '../../domain/errors.ts';
import { createEnrollmentApp, createPublicApp } from '../../src/app/app.ts';
import { makeTestDeps, type TestDeps } from '../../src/app/deps.testkit.ts';
import { newPkiMemory, publishPki } from '../../src/inbound/revocation/published-pki.ts';

let deps: TestDeps;
beforeAll(async () => {
  deps = await makeTestDeps({ now: new Date('2026-06-01T00:00:00Z') });
});
afterAll(() => deps.close());

type Get = (path: string, headers?: Record<string, string>, address?: string) => Promise<Response>;

const getter =
  (app: ReturnType<typeof createPublicApp>): Get =>
  async (path, headers = {}, address) =>
    app.request(path, { headers }, address === undefined ? {} : { clientAddress: address });

/** The same gateway with an authority that counts how often it is asked, and can be away. */
const counted = () => {
  const state = { asked: 0, isAway: false };
  const counting = <T>(ask: () => Promise<T>): Promise<T> => {
    state.asked += 1;
    return state.isAway ? Promise.reject(new MosaicError('ca_unavailable')) : ask();
  };
  const source = {
    ...deps.ca,
    crl: (options?: { readonly fresh?: boolean }) => counting(() => deps.ca.crl(options)),
    rootPem: () => counting(() => deps.ca.rootPem()),
  };
  const memory = newPkiMemory();
  const { authority, pki, keptByFront } = publishPki(source, deps.clock, memory);
  const mine = { ...deps, ca: authority, pki };
  return {
    state,
    authority,
    keptByFront,
    get: getter(createPublicApp(mine)),
    enrollment: createEnrollmentApp(mine),
  };
};

describe('F-9 the revocation list', () => {
  it('is asked of the authority once for any number of readers', async () => {
    const { state, get } = counted();
    const answers = await Promise.all(Array.from({ length: 90 }, () => get('/pki/crl')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(state.asked).toBe(1);
    await Promise.all(Array.from({ length: 90 }, () => get('/pki/root.pem')));
    expect(state.asked).toBe(2);
  });

  it('has an ETag made of its number, a short max-age, and 304 for whoever has it', async () => {
    const { get, authority } = counted();
    const first = await get('/pki/crl?format=pem');
    const etag = first.headers.get('etag') ?? '';
    const { number } = await authority.crl();
    expect(etag).toMatch(new RegExp(`^"${number}-`));
    expect(first.headers.get('cache-control')).toBe('public, max-age=15');
    for (const header of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await get('/pki/crl?format=pem', { 'if-none-match': header });
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    for (const header of ['"x"', etag.slice(1, -1), ''])
      expect((await get('/pki/crl?format=pem', { 'if-none-match': header })).status).toBe(200);
    // The other form is another text.
    expect((await get('/pki/crl', { 'if-none-match': etag })).status).toBe(200);
    await authority.revoke('a1b2c3', 'cessation_of_operation', deps.clock.now());
    const after = await get('/pki/crl?format=pem', { 'if-none-match': etag });
    expect(after.status).toBe(200);
    expect(after.headers.get('etag')).not.toBe(etag);
  });

  it('is served until its end while authority and database are away, and then is 503', async () => {
    const { state, get, enrollment } = counted();
    const before = await (await get('/pki/crl?format=pem')).text();
    await get('/pki/root.pem');
    state.isAway = true;
    deps.clock.advance(3_600_000);
    const asked = state.asked;
    for (let round = 0; round < 20; round += 1)
      expect(await (await get('/pki/crl?format=pem')).text()).toBe(before);
    expect((await get('/pki/root.pem')).status).toBe(200);
    expect(await (await enrollment.request('/pki/crl?format=pem')).text()).toBe(before);
    // The authority that is away is tried now and then, not for each reader.
    expect(state.asked - asked).toBeLessThanOrEqual(2);
    deps.clock.advance(30 * 24 * 3_600_000);
    const late = await get('/pki/crl');
    expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([503, 'ca_unavailable']);
    state.isAway = false;
    deps.clock.advance(10_000);
    expect((await get('/pki/crl')).status).toBe(200);
  });

  it('where a front is kept, only its keeper asks; what it got is served at once', async () => {
    const { state, get, authority, keptByFront } = counted();
    keptByFront();
    await authority.crl({ fresh: true });
    const asked = state.asked;
    deps.clock.advance(60_000);
    const before = (await get('/pki/crl')).headers.get('etag');
    await authority.revoke('d4e5f6', 'cessation_of_operation', deps.clock.now());
    expect((await get('/pki/crl')).headers.get('etag')).toBe(before);
    expect(state.asked).toBe(asked);
    await authority.crl({ fresh: true });
    expect((await get('/pki/crl')).headers.get('etag')).not.toBe(before);
  });

  it('an older list never takes the place of a newer one', async () => {
    const older = await deps.ca.crl({ fresh: true });
    await deps.ca.revoke('fee1', 'cessation_of_operation', deps.clock.now());
    const newer = await deps.ca.crl({ fresh: true });
    expect(newer.number).toBeGreaterThan(older.number);
    let list = newer;
    let asked = 0;
    const crl = () => {
      asked += 1;
      return Promise.resolve(list);
    };
    const { authority, pki } = publishPki({ ...deps.ca, crl }, deps.clock);
    await authority.crl();
    list = older;
    await authority.crl();
    expect((await pki.list()).number).toBe(newer.number);
    // Nor is it shown to a reader for whom the authority is asked anew, and no reader has it asked again and again.
    deps.clock.advance(60_000);
    for (let round = 0; round < 20; round += 1) expect((await pki.list()).number).toBe(newer.number);
    expect(asked).toBe(3);
  });
});

describe('F-4 the pages of the API', () => {
  it.each(['/openapi.json', '/docs', '/docs/style.css'])(
    '%s is rendered once, and is 304 for whoever has it',
    async (path) => {
      const get = getter(createPublicApp(deps));
      const stringify = vi.spyOn(JSON, 'stringify');
      const first = await get(path);
      const text = await first.text();
      const etag = first.headers.get('etag') ?? '';
      expect([first.status, first.headers.get('cache-control'), etag]).toEqual([
        200,
        'public, max-age=60',
        expect.stringMatching(/^"[0-9a-f]{32}"$/),
      ]);
      stringify.mockClear();
      for (let round = 0; round < 20; round += 1) expect(await (await get(path)).text()).toBe(text);
      const again = await get(path, { 'if-none-match': etag });
      expect([again.status, await again.text()]).toEqual([304, '']);
      expect(again.headers.get('content-security-policy')).not.toBeNull();
      expect(stringify).not.toHaveBeenCalled();
    },
  );

  it('are limited by address, and so is the list; nobody else is refused for it', async () => {
    const get = getter(createPublicApp(deps));
    for (const path of ['/docs', '/openapi.json', '/docs/style.css', '/pki/crl', '/pki/root.pem']) {
      const asked = [];
      for (let round = 0; round < 300; round += 1) asked.push(await get(path, {}, '203.0.113.9'));
      const refused = asked.filter(({ status }) => status === 429);
      expect([path, refused.length > 100]).toEqual([path, true]);
      expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
      deps.clock.advance(3_600_000 / 60);
      expect((await get(path, {}, '203.0.113.10')).status).toBe(200);
    }
    expect((await get('/health', {}, '203.0.113.9')).status).toBe(200);
  });
});
