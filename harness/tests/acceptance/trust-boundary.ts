import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { curlWith, enrollByHand, makeRequest, tlsGet, type HandMadeClient } from './hand-made-client.ts';
import { seedPeople, type Seeded } from './people.ts';
import type { World } from './world.ts';

const run = promisify(execFile);
const AUDITED = { timeout: 15_000, interval: 200 };
const personalTasks = { resources: ['tasks'], max_rows_per_query: 100 };

/** A certificate by somebody who calls his authority what ours is called. */
const rogueCertificate = async (
  hand: HandMadeClient,
): Promise<{ readonly cert: string; readonly key: string }> => {
  const file = (name: string): string => `${hand.folder}/${name}`;
  const { stdout: subject } = await run('openssl', [
    'x509',
    '-in',
    hand.caFile,
    '-noout',
    '-subject',
    '-nameopt',
    'RFC2253',
  ]);
  const dn = `/${subject
    .trim()
    .replace(/^subject=/, '')
    .split(',')
    .toReversed()
    .join('/')}`;
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    dn,
    '-days',
    '2',
    '-keyout',
    file('rogue-ca.key'),
    '-out',
    file('rogue-ca.pem'),
  ]);
  await makeRequest(file('rogue.key'), file('rogue.csr'));
  await run('openssl', [
    'x509',
    '-req',
    '-in',
    file('rogue.csr'),
    '-CA',
    file('rogue-ca.pem'),
    '-CAkey',
    file('rogue-ca.key'),
    '-days',
    '1',
    '-out',
    file('rogue.pem'),
  ]);
  return { cert: await readFile(file('rogue.pem'), 'utf8'), key: await readFile(file('rogue.key'), 'utf8') };
};

/** SPEC M3 at layer E: two gateways, real mutual TLS. */
export const describeTrustBoundary = (components: string, boot: () => Promise<World>): void => {
  describe(`the trust boundary on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let serial = 0;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'm3-');
    });
    afterAll(() => world.close());

    const byHand = (user: string, scope: unknown, approveSensitive = false) => {
      serial += 1;
      return enrollByHand(world.work, { user, peer: `hand${serial}`, scope, approveSensitive });
    };
    const ids = (items: readonly { id: string }[]): string[] => items.map((item) => item.id).sort();
    const seededIds = (resource: string, keep: (row: Seeded['rows'][number]) => boolean): string[] =>
      ids(seeded.rows.filter((row) => row.resource === resource && keep(row)));

    it('M3-3 get of a credential is 403 when credentials is excluded', async () => {
      const hand = await byHand(seeded.alice.name, { ...personalTasks, excluded_resources: ['credentials'] });
      const own = seeded.rows.find((row) => row.resource === 'credentials' && row.owner === seeded.alice.id);
      const answer = await hand.get(`/federation/v1/credentials/${own?.id}`);
      expect([answer.status, answer.body.code]).toEqual([403, 'resource_excluded']);
      expect((await hand.get('/federation/v1/credentials')).body.code).toBe('resource_excluded');
      await hand.remove();
    });

    it('M3-3 excluded wins in a row edited by hand, and a granted credential never shows its secret', async () => {
      const hand = await byHand(
        seeded.alice.name,
        { resources: ['tasks', 'credentials'], max_rows_per_query: 100 },
        true,
      );
      const before = await hand.get('/federation/v1/credentials');
      expect(before.body.items).toHaveLength(2);
      expect(JSON.stringify(before.body)).not.toContain('secret');
      await world.work.sql(
        `update federation_grants set scope = jsonb_set(scope, '{excluded_resources}', '["credentials"]') where id = $1`,
        [hand.grantId],
      );
      expect((await hand.get('/federation/v1/credentials')).body.code).toBe('resource_excluded');
      await hand.remove();
    });

    it('M3-4 the certificate of grant X reads nothing of grant Y’s subject', async () => {
      const x = await byHand(seeded.alice.name, personalTasks);
      const y = await byHand(seeded.bob.name, personalTasks);
      const listed = await x.get('/federation/v1/tasks', {
        'x-federation-grant': y.grantId,
        'client-cert': ':AAAA:',
      });
      expect(ids(listed.body.items)).toEqual(
        seededIds('tasks', (row) => row.owner === seeded.alice.id && row.team === null),
      );
      const bobs = seeded.rows.find(
        (row) => row.resource === 'tasks' && row.owner === seeded.bob.id && row.team === null,
      );
      expect((await x.get(`/federation/v1/tasks/${bobs?.id}`)).status).toBe(404);
      expect((await y.get(`/federation/v1/tasks/${bobs?.id}`)).status).toBe(200);
      await Promise.all([x.remove(), y.remove()]);
    });

    it('X-30 a foreign id and an absent id get the same status, body and headers', async () => {
      const hand = await byHand(seeded.alice.name, personalTasks);
      const foreign = seeded.rows.find((row) => row.resource === 'tasks' && row.owner === seeded.carol.id);
      const answers = await Promise.all(
        [foreign?.id ?? '', crypto.randomUUID()].map((id) => hand.get(`/federation/v1/tasks/${id}`)),
      );
      const comparable = answers.map(({ status, headers, body }) => {
        const { date: _date, ...others } = headers;
        return { status, headers: Object.keys(others).sort(), body: { ...body, trace_id: undefined } };
      });
      expect(comparable[0]?.status).toBe(404);
      expect(comparable[0]).toEqual(comparable[1]);
      await hand.remove();
    });

    it('M3-5 X-1 no certificate, or one of another CA with the same name: refused at the TLS layer, no handler runs, audited once each', async () => {
      const hand = await byHand(seeded.alice.name, personalTasks);
      const ca = await readFile(hand.caFile, 'utf8');
      const rogue = { ca, ...(await rogueCertificate(hand)) };
      await world.work.flushAudit();
      // What the front itself refuses is audited too, without a query: everything a handler leaves has the hash of one.
      const handled = async () =>
        (
          await world.work.sql(
            `select count(*)::int as n from federation_audit_log where query_hash is not null or verb <> 'unknown'`,
          )
        )[0]?.['n'];
      const before = await handled();
      const traces: string[] = [];
      const refusal = async (tls: Parameters<typeof tlsGet>[1]) => {
        const trace = crypto.randomUUID().replaceAll('-', '');
        traces.push(trace);
        const { status, body } = await tlsGet(`${world.work.federationUrl}/federation/v1/tasks`, tls, {
          traceparent: `00-${trace}-${trace.slice(16)}-01`,
        });
        return [status, body.code, body.items];
      };
      const audited = async () => {
        await world.work.flushAudit();
        const rows = await world.work.sql(
          `select trace_id, reason_code, status, outcome::text as outcome, verb, grant_id, query_hash
             from federation_audit_log where trace_id = any(string_to_array($1, ','))`,
          [traces.join(',')],
        );
        return rows
          .map((row) => Object.values(row))
          .toSorted(([a], [b]) => traces.indexOf(String(a)) - traces.indexOf(String(b)));
      };
      const entry = (index: number, code: string) => [
        traces[index],
        code,
        401,
        'denied',
        'unknown',
        null,
        null,
      ];

      expect(await refusal({ ca })).toEqual([401, 'certificate_required', undefined]);
      expect(await refusal(rogue)).toEqual([401, 'certificate_untrusted', undefined]);
      const both = [entry(0, 'certificate_required'), entry(1, 'certificate_untrusted')];
      // nginx writes its lines within a second, and the gateway reads them every two.
      await expect.poll(audited, AUDITED).toEqual(both);
      // One more, which comes to the log after them: what would be told twice has been by then.
      expect(await refusal({ ca })).toEqual([401, 'certificate_required', undefined]);
      await expect.poll(audited, AUDITED).toEqual([...both, entry(2, 'certificate_required')]);
      expect(await handled()).toBe(before);
      await hand.remove();
    });

    it('X-12 a grant whose subject was changed underneath is 403 with no rows', async () => {
      const hand = await byHand(seeded.alice.name, personalTasks);
      await world.work.sql('update federation_grants set subject_user_id = $2 where id = $1', [
        hand.grantId,
        seeded.bob.id,
      ]);
      const answer = await hand.get('/federation/v1/tasks');
      expect([answer.status, answer.body.code]).toEqual([403, 'grant_subject_mismatch']);
      await hand.remove();
    });

    it('a client made without our code (curl, openssl) gets the same answers', async () => {
      const hand = await byHand(seeded.alice.name, personalTasks);
      const url = (path: string): string => `${world.work.federationUrl}${path}`;
      const listed = await curlWith(hand, url('/federation/v1/tasks?limit=100'));
      expect(listed.status).toBe(200);
      expect(ids(listed.body.items)).toEqual(
        ids((await hand.get('/federation/v1/tasks?limit=100')).body.items),
      );
      const capabilities = await curlWith(hand, url('/federation/v1/capabilities'));
      expect(capabilities.body.grant.id).toBe(hand.grantId);
      const denied = await curlWith(hand, url('/federation/v1/notes'));
      expect([denied.status, denied.body.code]).toEqual([403, 'resource_not_granted']);
      const bad = await curlWith(hand, url('/federation/v1/tasks?limit=0'));
      expect([bad.status, bad.body.code]).toEqual([400, 'invalid_request']);
      const { stdout } = await run('openssl', [
        'x509',
        '-in',
        hand.certFile,
        '-noout',
        '-text',
        '-certopt',
        'ext_parse',
      ]);
      expect(stdout).toContain('1.3.6.1.4.1.99999.1');
      expect(stdout).toContain('TLS Web Client Authentication');
      expect(stdout).not.toContain('TLS Web Server Authentication');
      await hand.remove();
    });

    it('M4-4 each denial above left its audit row, with the reason and without any query', async () => {
      await world.work.flushAudit();
      const rows = await world.work.sql(
        `select distinct reason_code from federation_audit_log where outcome = 'denied'`,
      );
      const codes = rows.map((row) => row['reason_code']);
      for (const code of [
        'resource_excluded',
        'resource_not_granted',
        'grant_subject_mismatch',
        'not_found',
        'invalid_request',
      ]) {
        expect(codes).toContain(code);
      }
      const [{ n } = { n: 0 }] = await world.work.sql(
        `select count(*)::int as n from federation_audit_log where query_hash is not null and query_hash !~ '^[0-9a-f]{64}$'`,
      );
      expect(n).toBe(0);
    });
  });
};
