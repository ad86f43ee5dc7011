import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PgliteStorage } from '../../../db/connect/pglite.ts';
import { pgliteDriver } from '../../../db/driver/pglite.ts';
import { createStorage } from '../../../db/storage.ts';
import { Died, dyingDriver, hasDied } from '../../../db/testing/dying.testkit.ts';
import { grantFor, startSide, type PairSide } from '../../../routes/query/pair.testkit.ts';
import type { PeerClient } from '../../app/deps.ts';
import { closeOutbound } from '../outbound.ts';
import { capabilitiesOfPeer } from '../client/verbs.ts';
import type { Author } from '../../audit/audit.ts';
import { renewPeer } from './peer-renewal.ts';
import { renewalRound, startRenewalWorker } from './renewal-worker.ts';
import { assemble, type GatewayDeps } from '../../app/assemble.ts';

const MINUTE = 60_000;
const author: Author = { principal: null, traceId: null };
const due = { author, mustBeDue: true };

let home: PairSide;
let work: PairSide;
let enrolledAt: Date;
let today: Date;
let serial = 0;

beforeAll(async () => {
  today = new Date();
  // Half an hour of life, of which five minutes are left when the clocks are set to the real time: due, by ten minutes.
  enrolledAt = new Date(today.getTime() - 25 * MINUTE);
  const settings = { leafLifetimeSeconds: 1_800, defaultRateLimitPerMinute: 100_000 };
  [home, work] = await Promise.all([
    startSide('home', { now: enrolledAt }),
    startSide('work', { now: enrolledAt, settings }),
  ]);
  await Promise.all([home.person('ann'), work.person('alice')]);
});
afterAll(() => Promise.all([home.close(), work.close()]));
beforeEach(async () => {
  // What earlier cases left shall not be due.
  await home.deps.sql('delete from federation_peers');
});

const setClocks = (at: Date): void => {
  home.deps.clock.set(at);
  work.deps.clock.set(at);
};

/** A peer whose certificate is due. */
const enrolled = async () => {
  setClocks(enrolledAt);
  const grant = await grantFor(work, 'alice', `home-${(serial += 1)}`);
  const body = { enrollment_url: grant.url, user: 'ann', name: `work-${serial}` };
  const added = await home.call('/api/admin/peers', { status: 201, body });
  setClocks(today);
  return { id: String(added.body['id']), grantId: grant.id };
};

const peerOf = async (id: string) => {
  const peer = await home.deps.storage.stores.peers.byId(id);
  if (peer === null) throw new Error('no such peer');
  return peer;
};
const certificates = (id: string) =>
  work.deps.sql('select status, revoke_at, confirmed_at from issued_certificates where grant_id = $1', [id]);
const renewal = async (id: string) =>
  (await home.deps.sql('select * from peer_renewals where peer_id = $1', [id]))[0];

/** Whether certificate and key, as they are stored, open a connection that is served. */
const pairWorks = async (id: string): Promise<boolean> => {
  // Deps of its own, as after a start: nothing is held.
  const deps = assemble({ ...home.deps, transport: { ...home.deps.transport } });
  const asking = {
    outbound: deps.outbound,
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`,
    deadline: { signal: AbortSignal.timeout(10_000) },
    learn: deps.learner.learn,
  };
  const { ok } = await capabilitiesOfPeer(await peerOf(id), asking);
  await closeOutbound(deps.outbound);
  return ok;
};

/** A gateway whose calls to the peer go through this. */
const throughClient = (wrap: (client: PeerClient) => PeerClient['fetch']): GatewayDeps =>
  assemble({
    ...home.deps,
    transport: {
      ...home.deps.transport,
      connect: (credentials) => {
        const client = home.deps.transport.connect(credentials);
        return { ...client, fetch: wrap(client) };
      },
    },
  });

describe('renewal of a certificate at the asking side', () => {
  it('M6-5 a round renews what is due, and nothing else', async () => {
    const peer = await enrolled();
    const before = await peerOf(peer.id);
    setClocks(enrolledAt);
    expect(await renewalRound(home.deps)).toBe(0);
    setClocks(today);
    expect(await renewalRound(home.deps)).toBe(1);
    const after = await peerOf(peer.id);
    expect(after.certificateNotAfter?.getTime()).toBeGreaterThan(
      before.certificateNotAfter?.getTime() ?? Infinity,
    );
    expect(after.clientKeyPemSealed).not.toBe(before.clientKeyPemSealed);
    expect(after.cacheEpoch).toBeGreaterThan(before.cacheEpoch);
    expect(await pairWorks(peer.id)).toBe(true);
    const held = await certificates(peer.grantId);
    expect(held.filter(({ revoke_at: end }) => end !== null)).toHaveLength(1);
    expect(held.filter(({ confirmed_at: at }) => at !== null)).toHaveLength(1);
    const kept = await renewal(peer.id);
    expect(kept).toMatchObject({
      pending_key_pem: null,
      pending_csr_pem: null,
      attempts: 0,
      unconfirmed: false,
    });
    expect(kept?.['claim_until']).toBeNull();
    expect(await renewalRound(home.deps)).toBe(0);
    const entries = await home.deps.sql(
      `select verb, status from federation_audit_log where action = 'peer.renew' and peer_id = $1`,
      [peer.id],
    );
    expect(entries).toEqual([{ verb: 'renew', status: 200 }]);
  });

  it('two replicas make one renewal, whoever else asks meanwhile', async () => {
    const peer = await enrolled();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => renewPeer(home.deps, peer.id, due)));
    const kinds = outcomes.map(({ kind }) => kind).toSorted();
    expect(kinds).toEqual(['renewed', ...Array.from({ length: 7 }, () => 'taken')].toSorted());
    expect(await certificates(peer.grantId)).toHaveLength(2);
    expect((await renewPeer(home.deps, peer.id, due)).kind).toBe('taken');
  });

  it(
    'M6-5 killed at any moment of the database: a pair that works, and the next try ends with two certificates, no more',
    { timeout: 180_000 },
    async () => {
      const driver = pgliteDriver((home.deps.storage as PgliteStorage).client);
      const dyingDeps = (fatal: number) => {
        const dying = dyingDriver(driver, fatal);
        return { dying, deps: { ...home.deps, storage: createStorage(dying.driver) } };
      };
      const whole = dyingDeps(0);
      await renewPeer(whole.deps, (await enrolled()).id, due);
      const moments = whole.dying.moments();
      expect(moments).toBeGreaterThan(12);
      for (let fatal = 1; fatal <= moments; fatal += 1) {
        const peer = await enrolled();
        const { deps } = dyingDeps(fatal);
        const ended = await renewPeer(deps, peer.id, due).catch((error: unknown) => error);
        expect(hasDied(ended), `moment ${fatal}`).toBe(true);
        expect(await pairWorks(peer.id), `moment ${fatal}`).toBe(true);
        // Another replica, or this one after its start, when the claim has run out.
        home.deps.clock.set(new Date(today.getTime() + 2 * MINUTE));
        await renewPeer(home.deps, peer.id, due);
        expect(await pairWorks(peer.id), `after moment ${fatal}`).toBe(true);
        const kept = await renewal(peer.id);
        expect([kept?.['pending_key_pem'], kept?.['unconfirmed']], `moment ${fatal}`).toEqual([null, false]);
        expect(await certificates(peer.grantId), `moment ${fatal}`).toHaveLength(2);
        await home.deps.sql('delete from federation_peers where id = $1', [peer.id]);
      }
    },
  );

  it('killed before or after any call to the peer: the same', { timeout: 60_000 }, async () => {
    for (let fatal = 1; fatal <= 6; fatal += 1) {
      const peer = await enrolled();
      let met = 0;
      const moment = (): void => {
        met += 1;
        if (met >= fatal) throw new Died(`killed at ${fatal}`);
      };
      const storage = (home.deps.storage as PgliteStorage).client;
      const dead = dyingDriver(pgliteDriver(storage), 0);
      const guarded = assemble({
        ...throughClient((client) => async (url, init) => {
          moment();
          const answer = await client.fetch(url, init);
          moment();
          return answer;
        }),
        // A process that died writes nothing either.
        storage: createStorage({
          ...dead.driver,
          query: (text, params) =>
            met >= fatal ? Promise.reject(new Died('dead')) : dead.driver.query(text, params),
          values: (text, params) =>
            met >= fatal ? Promise.reject(new Died('dead')) : dead.driver.values(text, params),
        }),
      });
      const ended = await renewPeer(guarded, peer.id, due).catch((error: unknown) => error);
      expect(hasDied(ended), `call moment ${fatal}`).toBe(true);
      expect(await pairWorks(peer.id), `call moment ${fatal}`).toBe(true);
      home.deps.clock.set(new Date(today.getTime() + 2 * MINUTE));
      await renewPeer(home.deps, peer.id, due);
      expect(await pairWorks(peer.id)).toBe(true);
      expect(await certificates(peer.grantId), `call moment ${fatal}`).toHaveLength(2);
    }
  });

  it('M6-6 a failure marks the peer degraded, raises an alert and backs off; a success makes it active', async () => {
    const peer = await enrolled();
    const raised: [string, unknown][] = [];
    const away = throughClient(() => () => Promise.reject(new Error('connect ECONNREFUSED')));
    const deps: GatewayDeps = {
      ...away,
      alerts: {
        raise: (alert, _message, fields) => void raised.push([alert, fields?.['peer_id']]),
        counters: () => ({ raised: {}, last: {}, lost: 0 }),
      },
    };
    expect(await renewPeer(deps, peer.id, due)).toMatchObject({
      kind: 'failed',
      error: { code: 'peer_unreachable' },
    });
    expect(await peerOf(peer.id)).toMatchObject({ state: 'degraded', lastFailureCode: 'peer_unreachable' });
    expect(raised).toEqual([['peer_renewal_failed', peer.id]]);
    expect(await pairWorks(peer.id)).toBe(true);
    // Not again at once.
    expect((await renewPeer(deps, peer.id, due)).kind).toBe('taken');
    const first = await renewal(peer.id);
    const dueAt = (row: Record<string, unknown> | undefined): number => {
      const at = row?.['due_at'];
      return at instanceof Date ? at.getTime() : Date.parse(String(at));
    };
    expect(dueAt(first) - today.getTime()).toBeGreaterThan(3_000);
    home.deps.clock.set(new Date(dueAt(first)));
    // Without anybody to raise it: a line in the log.
    expect((await renewPeer(away, peer.id, due)).kind).toBe('failed');
    expect(home.deps.logged.some(({ fields }) => fields['alert'] === 'peer_renewal_failed')).toBe(true);
    const later = dueAt(await renewal(peer.id));
    expect(later - dueAt(first)).toBeGreaterThan(dueAt(first) - today.getTime() - 3_000);
    home.deps.clock.set(new Date(later));
    expect(await renewPeer(home.deps, peer.id, due)).toEqual({ kind: 'renewed' });
    expect((await peerOf(peer.id)).state).toBe('active');
    expect((await renewal(peer.id))?.['attempts']).toBe(0);
  });

  it('a peer that was revoked, suspended or removed is not renewed', async () => {
    const [suspended, removed, revoked] = [await enrolled(), await enrolled(), await enrolled()];
    await home.deps.sql(`update federation_peers set state = 'suspended' where id = $1`, [suspended.id]);
    await home.deps.sql(`update federation_peers set state = 'revoked' where id = $1`, [revoked.id]);
    await renewalRound(home.deps);
    await home.call(`/api/admin/peers/${removed.id}`, { status: 204, method: 'DELETE' });
    for (const { grantId } of [suspended, revoked]) expect(await certificates(grantId)).toHaveLength(1);
    expect(await renewal(removed.id)).toBeUndefined();
  });

  it.each<
    [string, (answer: Record<string, unknown>, other: Record<string, unknown>) => Record<string, unknown>]
  >([
    ['another grant', (answer) => ({ ...answer, grant_id: crypto.randomUUID() })],
    ['another subject', (answer) => ({ ...answer, subject_user_id: crypto.randomUUID() })],
    ['another’s certificate', (answer, other) => ({ ...answer, certificate: other['certificate'] })],
    [
      'another authority',
      (answer) => ({ ...answer, ca: answer['certificate'], chain: answer['certificate'] }),
    ],
    ['no certificate', ({ certificate: _, ...rest }) => rest],
  ])('an answer with %s is not believed: nothing is swapped', async (_what, change) => {
    const [peer, other] = [await enrolled(), await enrolled()];
    const before = await peerOf(peer.id);
    const otherAnswer: { value: Record<string, unknown> } = { value: {} };
    const listening = throughClient((client) => async (url, init) => {
      const answer = await client.fetch(url, init);
      if (url.endsWith('/renew'))
        otherAnswer.value = (await answer.clone().json()) as Record<string, unknown>;
      return answer;
    });
    await renewPeer(listening, other.id, due);
    const lying = throughClient((client) => async (url, init) => {
      const answer = await client.fetch(url, init);
      if (!url.endsWith('/renew')) return answer;
      const body = change((await answer.json()) as Record<string, unknown>, otherAnswer.value);
      return Response.json(body, { status: 201 });
    });
    expect(await renewPeer(lying, peer.id, due)).toMatchObject({
      kind: 'failed',
      error: { code: 'peer_protocol' },
    });
    expect(await peerOf(peer.id)).toMatchObject({
      clientCertPem: before.clientCertPem,
      clientKeyPemSealed: before.clientKeyPemSealed,
      caPem: before.caPem,
      state: 'degraded',
    });
  });

  it('a certificate that has expired is not asked with any more, and nobody is alarmed again', async () => {
    const peer = await enrolled();
    const away = throughClient(() => () => Promise.reject(new Error('away')));
    await renewPeer(away, peer.id, due);
    home.deps.clock.set(new Date(today.getTime() + 6 * MINUTE));
    const before = home.deps.logged.length;
    expect(await renewalRound(home.deps)).toBe(0);
    expect(home.deps.logged.slice(before)).toEqual([]);
    expect(await certificates(peer.grantId)).toHaveLength(1);
  });

  it('a certificate that the peer does not take is not swapped in', async () => {
    const peer = await enrolled();
    const before = await peerOf(peer.id);
    const spoiling = throughClient((client) => async (url, init) => {
      const answer = await client.fetch(url, init);
      if (url.endsWith('/renew'))
        await work.deps.sql(
          `update issued_certificates set status = 'revoked' where grant_id = $1 and certificate_pem is not null`,
          [peer.grantId],
        );
      return answer;
    });
    expect(await renewPeer(spoiling, peer.id, due)).toMatchObject({
      kind: 'failed',
      error: { code: 'peer_refused' },
    });
    expect((await peerOf(peer.id)).clientCertPem).toBe(before.clientCertPem);
    expect(await pairWorks(peer.id)).toBe(true);
  });

  it('M2-5 the pending key is sealed, and opens in no other row', async () => {
    const peer = await enrolled();
    const away = throughClient(() => () => Promise.reject(new Error('away')));
    await renewPeer(away, peer.id, due);
    const row = await renewal(peer.id);
    expect(JSON.stringify(row)).not.toContain('PRIVATE');
    const sealed = String(row?.['pending_key_pem']);
    const identity = `peer_renewals/${peer.id}/pending_key_pem`;
    expect(new TextDecoder().decode(await home.deps.sealer.open(sealed, identity))).toContain('PRIVATE KEY');
    for (const other of [
      `federation_peers/${peer.id}/client_key_pem`,
      `peer_renewals/${crypto.randomUUID()}/pending_key_pem`,
    ])
      await expect(home.deps.sealer.open(sealed, other)).rejects.toMatchObject({ code: 'internal' });
  });

  it('a confirmation that got lost is made up for, and holds up no renewal', async () => {
    const peer = await enrolled();
    const deaf = throughClient(
      (client) => async (url, init) =>
        url.endsWith('/confirm') ? Promise.reject(new Error('reset')) : client.fetch(url, init),
    );
    expect((await renewPeer(deaf, peer.id, due)).kind).toBe('renewed');
    expect((await peerOf(peer.id)).state).toBe('active');
    expect(await renewal(peer.id)).toMatchObject({ unconfirmed: true, attempts: 0 });
    home.deps.clock.advance(2 * MINUTE);
    expect(await renewalRound(home.deps)).toBe(1);
    expect(await renewal(peer.id)).toMatchObject({ unconfirmed: false });
    expect((await certificates(peer.grantId)).filter(({ revoke_at: end }) => end !== null)).toHaveLength(1);
    expect(await certificates(peer.grantId)).toHaveLength(2);
  });

  it('the worker renews by itself, and its stop ends a call that hangs without blaming the peer', async () => {
    const peer = await enrolled();
    const asked = Promise.withResolvers<void>();
    const hanging = throughClient(() => (_url, init) => {
      asked.resolve();
      return new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
      });
    });
    const stuck = startRenewalWorker(hanging, 10);
    await asked.promise;
    await stuck.stop();
    expect((await peerOf(peer.id)).state).toBe('active');
    expect((await renewal(peer.id))?.['claim_until']).toBeNull();
    const worker = startRenewalWorker(home.deps, 10);
    await expect.poll(async () => (await certificates(peer.grantId)).length).toBe(2);
    await expect.poll(async () => (await renewal(peer.id))?.['attempts']).toBe(0);
    await worker.stop();
  });

  it('an administrator renews at any time; not a peer that asks us, nor one that is unknown', async () => {
    const peer = await enrolled();
    const before = await peerOf(peer.id);
    const answer = await home.call(`/api/admin/peers/${peer.id}/renew`, { status: 200, method: 'POST' });
    expect(answer.body['certificate_not_after']).not.toBe(before.certificateNotAfter?.toISOString());
    expect(answer.text).not.toContain('BEGIN');
    expect(
      (await home.call(`/api/admin/peers/${peer.id}/renew`, { status: 200, method: 'POST' })).body['state'],
    ).toBe('active');
    const inbound = await work.deps.sql(
      `select id from federation_peers where direction = 'inbound' limit 1`,
    );
    const refused = await work.call(`/api/admin/peers/${String(inbound[0]?.['id'])}/renew`, {
      method: 'POST',
    });
    expect([refused.status, refused.body['code']]).toEqual([409, 'invalid_transition']);
    expect(
      (await home.call(`/api/admin/peers/${crypto.randomUUID()}/renew`, { method: 'POST' })).status,
    ).toBe(404);
    const ann = await home.person('somebody');
    expect(
      (await home.call(`/api/admin/peers/${peer.id}/renew`, { method: 'POST', token: ann.token })).status,
    ).toBe(403);
  });
});
