import { describe, expect, it } from 'vitest';
import { fromBase64Url } from '../../domain/bytes.ts';
import { createPublicApp } from '../../src/app/app.ts';
import { learnRevoked } from '../../src/outbound/revocation/peer-epoch.ts';
import { asker, fakePeer, taskAt, type Asker } from '../../src/outbound/query/query.testkit.ts';
import { SECURITY_HEADERS } from '../http/http.ts';

const TOKEN = `mos_${'a'.repeat(43)}`;

interface Body {
  readonly items: readonly Record<string, unknown>[];
  readonly next_cursor: string | null;
  readonly sources: Readonly<Record<string, Record<string, unknown>>>;
  readonly notices: readonly unknown[];
}

/** The whole way of a request, with store and peers in memory. */
const gateway = () => {
  const rows = [3, 2, 1].map((n) => taskAt(n, n, `“secret” \u{1F512} ${n}`));
  const peer = Object.assign(fakePeer(rows), { terms: 'max-age=30, grant-version=1' });
  const from: Asker = asker([taskAt(9, 9, 'own')], { work: peer });
  Object.assign(from.deps.settings, { bodyLimitBytes: 1_000 });
  Object.assign(from.deps.storage.stores, { tokens: { asker: async () => from.as() } });
  const app = createPublicApp(from.deps);
  const ask = async (query: string, headers: Record<string, string> = {}) => {
    const response = await app.request(`/api/query/tasks?${query}`, {
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
  };
  return { from, peer, ask };
};

const ONE = 'source=federated:work';
/** When a cursor expires, seconds: tells when it was made. */
const expiryOf = (cursor: string | null): number => {
  const bytes = fromBase64Url(cursor ?? '') ?? new Uint8Array();
  return (JSON.parse(new TextDecoder().decode(bytes.subarray(16))) as [number])[0];
};

describe('an answer from what is kept', () => {
  it('M5-1 is the fresh one but for what tells that it is kept, each time', async () => {
    const { peer, ask } = gateway();
    const fresh = await ask(ONE);
    const kept = [await ask(ONE), await ask(ONE), await ask(ONE)];
    expect(peer.requests).toBe(1);
    for (const { status, headers, body } of kept) {
      expect(status).toBe(200);
      expect(headers.get('cache-status')).toBe('"federated:work"; hit; ttl=30');
      expect(body.items).toEqual(fresh.body.items.map((item) => ({ ...item, _cached: true })));
      const report = { status: 'cached', count: 3, more: false, _cached: true };
      expect(body.sources['federated:work']).toMatchObject(report);
      expect(body.next_cursor).toBeNull();
      expect(body.notices).toEqual([]);
    }
  });

  it('goes on with a cursor that is good from now on, and blends like a fresh one', async () => {
    const { from, ask } = gateway();
    await ask(`${ONE}&limit=2`);
    const early = await ask(`${ONE}&limit=2`);
    expect((await ask(`${ONE}&limit=2`)).body.next_cursor).toBe(early.body.next_cursor);
    from.pass(5_000);
    const late = await ask(`${ONE}&limit=2`);
    expect(late.body.items).toEqual(early.body.items);
    expect(expiryOf(late.body.next_cursor) - expiryOf(early.body.next_cursor)).toBe(5);
    const rest = await ask(`${ONE}&limit=2&cursor=${late.body.next_cursor}`);
    expect(rest.body.items.map(({ id }) => id)).toEqual([taskAt(1, 1).id]);
    const page = async () =>
      (await ask('source=all&limit=3')).body.items.map(({ _source, id }) => [_source, id]);
    const fresh = await page();
    expect(fresh.map(([source]) => source)).toEqual(['local', 'federated:work', 'federated:work']);
    expect(await page()).toEqual(fresh);
  });

  it('names the peer as it is called now', async () => {
    const { from, ask } = gateway();
    await ask(ONE);
    await ask(ONE);
    Object.assign(from.peerRows[0] ?? {}, { name: 'renamed' });
    const { body } = await ask('source=federated:renamed');
    expect(body.items.map(({ _source, _cached }) => [_source, _cached])).toEqual(
      Array.from({ length: 3 }, () => ['federated:renamed', true]),
    );
  });

  it('X-79 has every security header, as its errors have', async () => {
    const { ask } = gateway();
    const answers = [
      await ask(ONE),
      await ask(ONE),
      await ask('source=nobody'),
      await ask(ONE, { authorization: '' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 401]);
    for (const { headers } of answers)
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(headers.get(name)).toBe(value);
  });

  it('M5-3 3,000 requests race with the moment a revocation is learned: no row in an answer made after it', async () => {
    const { from, ask } = gateway();
    await ask(`${ONE}&limit=2`);
    const start = expiryOf((await ask(`${ONE}&limit=2`)).body.next_cursor);
    const made: number[] = [];
    let refused = 0;
    const reads = Array.from({ length: 3_000 }, async (_, n) => {
      for (let turn = 0; turn < n % 400; turn += 1) await Promise.resolve();
      const { status, body } = await ask(`${ONE}&limit=2`);
      if (status === 200) made.push(expiryOf(body.next_cursor));
      else refused += 1;
    });
    const learning = (async () => {
      for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
      const done = learnRevoked(from.deps, { id: from.peerRows[0]?.id ?? '' });
      // In the very step in which it is learned: whatever is made from here on says so in its cursor.
      from.pass(1_000);
      await done;
    })();
    await Promise.all([...reads, learning]);
    expect(made.length).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(100);
    expect(made.filter((expiry) => expiry !== start)).toEqual([]);
  }, 60_000);
});
