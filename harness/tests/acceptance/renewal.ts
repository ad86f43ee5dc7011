import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrollByHand, makeRequest, tlsGet, type HandMadeClient } from './hand-made-client.ts';
import { grantAndEnroll, seedPeople, type Enrolled, type Seeded } from './people.ts';
import { call, must, type Body, type World } from './world.ts';

/**
 * Requests under load while certificates change. ABUSE 66 says 10,000; here 2,000 for each case keep the suite short:
 * MOSAIC_RENEWAL_REQUESTS=10000 runs them all.
 */
const REQUESTS = Number(process.env['MOSAIC_RENEWAL_REQUESTS'] || 2_000);
const AT_ONCE = 16;
const RENEWALS = 5;

interface Tls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A POST over mutual TLS, by none of our code. */
const tlsPost = (url: string, tls: Tls, body: unknown): Promise<{ status: number; body: Body }> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const request = https.request(url, { ...tls, headers, method: 'POST', agent: false }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on('data', (chunk: Uint8Array) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Body,
        }),
      );
    });
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });

/** Runs `work` `REQUESTS` times, some at once, and `during` while they run, at even distances. */
const underLoad = async (
  work: () => Promise<string | null>,
  during: readonly (() => Promise<void>)[],
): Promise<{ readonly failures: readonly string[]; readonly done: number }> => {
  const failures: string[] = [];
  let started = 0;
  let done = 0;
  const steps = [...during];
  let stepping: Promise<void> = Promise.resolve();
  const worker = async (): Promise<void> => {
    while (started < REQUESTS) {
      started += 1;
      const failure = await work().catch((error: unknown) => String(error));
      done += 1;
      if (failure !== null) failures.push(failure);
      const next = during.length - steps.length + 1;
      if (steps.length > 0 && done >= (REQUESTS * next) / (during.length + 1)) {
        const step = steps.shift();
        if (step !== undefined) stepping = stepping.then(step);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await stepping;
  return { failures, done };
};

/** SPEC M6-5 and ABUSE 66. */
export const describeRenewal = (components: string, boot: () => Promise<World>): void => {
  describe(`renewal on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let enrolled: Enrolled;
    const scope = { resources: ['tasks'], max_rows_per_query: 100 };

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'renewal-');
      const { alice, ann } = seeded;
      enrolled = await grantAndEnroll(world, { subject: alice, localUser: ann, peerName: 'renewed', scope });
      // The load is one grant's, and not what its limit is for.
      await must(200, world.work, `/api/admin/grants/${enrolled.grantId}`, {
        method: 'PATCH',
        body: { rate_limit_per_minute: 1_000_000, cache_ttl_seconds: 0 },
      });
    });
    afterAll(() => world.close());

    const renew = () => call(world.home, `/api/admin/peers/${enrolled.peerId}/renew`, { method: 'POST' });
    const certificates = (grantId: string) =>
      world.work.sql(
        `select status::text, revoke_at from issued_certificates where grant_id = $1 order by created_at`,
        [grantId],
      );
    const query = async (): Promise<string | null> => {
      const { status, body } = await call(world.home, '/api/query/tasks?source=federated:renewed', {
        token: seeded.ann.token,
      });
      const source = body.sources['federated:renewed'];
      return status === 200 && source?.status === 'complete' && body.items.length === 2
        ? null
        : `${status} ${JSON.stringify(source)}`;
    };

    it(
      `M6-5 X-66 ${REQUESTS} requests while the certificate is renewed ${RENEWALS} times and the front reloads: 0 failures`,
      { timeout: 600_000 },
      async () => {
        const before = await must(200, world.home, `/api/admin/peers/${enrolled.peerId}`);
        const renewing = Array.from({ length: RENEWALS }, () => async (): Promise<void> => {
          expect((await renew()).status).toBe(200);
          // Another grant's end: the front takes a new revocation list while the load goes on.
          const hand = await enrollByHand(world.work, {
            user: seeded.bob.name,
            peer: crypto.randomUUID(),
            scope,
          });
          await must(200, world.work, `/api/admin/grants/${hand.grantId}/revoke`, { body: {} });
          await hand.remove();
        });
        const { failures, done } = await underLoad(query, renewing);
        expect([failures, done]).toEqual([[], REQUESTS]);
        const after = await must(200, world.home, `/api/admin/peers/${enrolled.peerId}`);
        expect(after).toMatchObject({ state: 'active' });
        expect(after).not.toEqual(before);
        const held = await certificates(enrolled.grantId);
        expect(held).toHaveLength(RENEWALS + 1);
        expect(held.filter(({ revoke_at: end }) => end === null)).toHaveLength(1);
      },
    );

    describe('by hand, without any of our client', () => {
      let hand: HandMadeClient;
      let old: Tls;
      let next: Tls;
      const url = (pathname: string): string => `${world.work.federationUrl}/federation/v1${pathname}`;
      const request = async (name: string) => {
        const file = (kind: string): string => path.join(hand.folder, `${name}.${kind}`);
        await makeRequest(file('key'), file('csr'));
        return { csr: await readFile(file('csr'), 'utf8'), key: await readFile(file('key'), 'utf8') };
      };

      beforeAll(async () => {
        hand = await enrollByHand(world.work, { user: seeded.alice.name, peer: 'renewal-by-hand', scope });
        const [ca, cert, key] = await Promise.all(
          [hand.caFile, hand.certFile, hand.keyFile].map((file) => readFile(file, 'utf8')),
        );
        old = { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
        await must(200, world.work, `/api/admin/grants/${hand.grantId}`, {
          method: 'PATCH',
          body: { rate_limit_per_minute: 1_000_000 },
        });
      });
      afterAll(() => hand.remove());

      it(
        'X-66 both certificates work in the overlap, also under load and after the confirmation',
        { timeout: 600_000 },
        async () => {
          const made = await request('next');
          const renewed = await tlsPost(url('/renew'), old, { csr: made.csr });
          expect(renewed.status).toBe(201);
          const { chain } = renewed.body as Body & { readonly chain: string };
          next = { ca: old.ca, cert: `${renewed.body.certificate.trimEnd()}\n${chain}`, key: made.key };
          expect(createPrivateKey(next.key).asymmetricKeyType).toBe('ec');
          let turn = 0;
          const ask = async (): Promise<string | null> => {
            turn += 1;
            const { status } = await tlsGet(url('/tasks'), turn % 2 === 0 ? old : next);
            return status === 200 ? null : String(status);
          };
          const confirm = async (): Promise<void> => {
            expect((await tlsPost(url('/renew/confirm'), next, {})).status).toBe(200);
          };
          const { failures } = await underLoad(ask, [confirm]);
          expect(failures).toEqual([]);
        },
      );

      it(
        'the superseded certificate renews nothing, and is refused when its overlap is over',
        { timeout: 120_000 },
        async () => {
          const { csr } = await request('late');
          const refused = await tlsPost(url('/renew'), old, { csr });
          expect([refused.status, refused.body.code]).toEqual([403, 'certificate_revoked']);
          // Not ten minutes later, but now.
          await world.work.sql(
            `update issued_certificates set revoke_at = now() where grant_id = $1 and revoke_at is not null`,
            [hand.grantId],
          );
          const status = async (tls: Tls): Promise<number> => (await tlsGet(url('/tasks'), tls)).status;
          await expect.poll(() => status(old), { timeout: 60_000, interval: 500 }).not.toBe(200);
          expect(await status(next)).toBe(200);
          // And at the front, as soon as it has the list.
          await expect.poll(() => status(old), { timeout: 90_000, interval: 500 }).toBe(401);
        },
      );

      it('X-10 a request with another grant’s names and extensions gives no certificate that says so', async () => {
        const file = (kind: string): string => path.join(hand.folder, `foreign.${kind}`);
        await makeRequest(file('key'), file('csr'), [
          '-subj',
          `/CN=${enrolled.grantId}`,
          '-addext',
          `1.3.6.1.4.1.99999.1=ASN1:UTF8String:${enrolled.grantId}`,
        ]);
        const csr = await readFile(file('csr'), 'utf8');
        const answer = await tlsPost(url('/renew'), next, { csr });
        // step-ca refuses such a request; the embedded authority takes its key alone.
        if (answer.status === 201)
          expect(atob(answer.body.certificate.replaceAll(/-----[^-]+-----|\s/g, ''))).not.toContain(
            enrolled.grantId,
          );
        else expect([answer.status, answer.body.code]).toEqual([400, 'invalid_csr']);
      });

      it('a grant that was revoked renews nothing', async () => {
        await must(200, world.work, `/api/admin/grants/${hand.grantId}/revoke`, { body: {} });
        const { csr } = await request('revoked');
        const answer = await tlsPost(url('/renew'), next, { csr });
        expect([401, 403]).toContain(answer.status);
        expect(['grant_revoked', 'certificate_untrusted']).toContain(answer.body.code);
      });
    });
  });
};
