import { describe, expect, it } from 'vitest';
import { RESOURCE_TABLE, RESOURCES } from '../../domain/resources.ts';
import { BODY_LIMITS, bodyLimitOf, DEFAULT_BODY_LIMIT, MAX_JSON_DEPTH } from '../../domain/limits.ts';
import { jsonFault } from '../../domain/json.ts';
import { MAX_TEAMS_PER_FILTER } from '../../domain/scope/scope.ts';
import { createBase, type BaseDeps } from './http.ts';

const MIB = 1024 * 1024;

const baseWith = (bodyLimitBytes: number) => {
  const log = (): void => undefined;
  const deps = {
    settings: { bodyLimitBytes },
    random: { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) },
    log: { debug: log, info: log, warn: log, error: log },
  } as unknown as BaseDeps;
  const app = createBase(deps);
  app.post('*', async (c) => c.text(String((await c.req.text()).length)));
  return app;
};

const statusOf = async (path: string, length: number, most = 4 * MIB): Promise<number> =>
  (await baseWith(most).request(path, { method: 'POST', body: 'x'.repeat(length) })).status;

const fits = (path: string, body: unknown): boolean => {
  const text = JSON.stringify(body);
  const { bytes, parts } = bodyLimitOf(path);
  return (
    new TextEncoder().encode(text).length <= bytes &&
    jsonFault(text, { depth: MAX_JSON_DEPTH, parts }) === null
  );
};

describe('F-3 bodies are bounded by their address', () => {
  it.each([
    ['/enrollment/v1/redeem', 32],
    ['/api/bootstrap/setup', 32],
    ['/api/admin/users', 32],
    ['/api/admin/peers', 32],
    ['/federation/v1/renew', 32],
    ['/nowhere', 32],
    ['/api/admin/grants', 256],
    ['/api/admin/grants/3d3bd0f5-93a1-4d1e-8f3e-0b9b6f1a2c3d', 256],
    ['/api/resources/notes', 1_024],
  ])('%s takes %d KiB', async (path, kibibytes) => {
    expect(await statusOf(path, kibibytes * 1_024)).toBe(200);
    expect(await statusOf(path, kibibytes * 1_024 + 1)).toBe(413);
  });

  it('no address takes more than the gateway’s own limit', async () => {
    expect(await statusOf('/api/resources/notes', 1_001, 1_000)).toBe(413);
    expect(await statusOf('/api/bootstrap/setup', 1_001, 1_000)).toBe(413);
  });

  it.each(['/enrollment/v1/redeem', '/federation/v1/renew', '/api/resources/notes', '/nowhere'])(
    'F-3 X-60 a chunked body for %s that breaks off is its sender’s fault: 400, no error of ours',
    async (path) => {
      const body = new ReadableStream({ pull: (stream) => stream.error(new Error('aborted')) });
      const init: RequestInit & { duplex: string } = { method: 'POST', body, duplex: 'half' };
      const response = await baseWith(4 * MIB).request(new Request(`http://x${path}`, init));
      expect([response.status, await response.json()]).toMatchObject([400, { code: 'invalid_request' }]);
    },
  );

  it('an address cannot be spelt so that it takes more', async () => {
    for (const path of [
      '/api/bootstrap/setup?/api/resources/',
      '/api/bootstrap/setup#/api/resources/',
      '/enrollment/v1/redeem/../../api/resources',
      '//api/resources/',
    ])
      expect([413, 404]).toContain(await statusOf(path, 33 * 1_024));
  });

  it('the largest there is fits: a row, a scope, a redemption', () => {
    for (const resource of RESOURCES) {
      const fields = Object.entries(RESOURCE_TABLE[resource].fields);
      const row = Object.fromEntries(fields.map(([name, { maxLength }]) => [name, '€'.repeat(maxLength)]));
      expect(fits(`/api/resources/${resource}`, { ...row, secret: '€'.repeat(10_000) })).toBe(true);
    }
    const teams = Array.from({ length: MAX_TEAMS_PER_FILTER }, () => crypto.randomUUID());
    const filters = Object.fromEntries(RESOURCES.map((resource) => [resource, { include_teams: teams }]));
    const scope = { resources: RESOURCES, filters, max_rows_per_query: 10_000 };
    expect(fits('/api/admin/grants', { user: 'a'.repeat(100), peer: 'b'.repeat(100), scope })).toBe(true);
    expect(fits('/enrollment/v1/redeem', { token: 'x'.repeat(512), csr: 'x'.repeat(12_288) })).toBe(true);
  });

  it('no address of the table is hidden by another one, and each takes more than the rest', () => {
    for (const { path, bytes } of BODY_LIMITS) {
      expect(bytes).toBeGreaterThan(DEFAULT_BODY_LIMIT.bytes);
      expect(BODY_LIMITS.filter((other) => path.startsWith(other.path))).toHaveLength(1);
    }
  });
});
