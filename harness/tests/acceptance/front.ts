import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asFront } from '../../devstack/stack/as-front.ts';
import { folderOf, materialOf, socketsOf } from '../../devstack/stack/plan.ts';
import { reloadNginx } from '../../../src/runtimes/node/front/nginx.ts';
import { programs } from '../../devstack/components/installed.ts';
import { processOf } from '../../devstack/stack/stack.ts';
import { requestSocket } from '../../devstack/stack/unix-request.ts';
import type { FederatedWorld } from './federated-world.ts';
import { enrollByHand, tlsGet, type HandMadeClient } from './hand-made-client.ts';
import { grantAndEnroll, seedPeople, type Seeded } from './people.ts';
import { call, must, type Body } from './world.ts';

interface LogLine {
  readonly path: string;
  readonly status: number;
  readonly upstream_seconds: string;
  readonly client_verify: string;
  readonly trace_id: string;
}

/** RFC 9440, as the front itself writes it. */
const headerOf = (certificatePem: string): string =>
  `:${certificatePem.replaceAll(/-----[^-]+-----|\s+/g, '')}:`;

/** Inodes of sockets a process has open. */
const socketInodes = (pid: number): readonly string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });

/** TCP ports a process listens on. */
const listeningPorts = (pid: number): readonly number[] => {
  const mine = new Set(socketInodes(pid));
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && mine.has(fields[9] ?? ''))
      .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16)),
  );
};

/** ABUSE 1, 3, 16 and 17 where TLS ends in nginx and the gateway believes a header. */
export const describeFront = (components: string, boot: () => Promise<FederatedWorld>): void => {
  describe(`the front on ${components}`, () => {
    let world: FederatedWorld;
    let seeded: Seeded;
    let alice: HandMadeClient;
    let bob: HandMadeClient;
    const tlsOf = (hand: HandMadeClient) => ({
      ca: readFileSync(hand.caFile, 'utf8'),
      cert: readFileSync(hand.certFile, 'utf8'),
      key: readFileSync(hand.keyFile, 'utf8'),
    });
    const titles = (items: readonly { id: string }[]): string[] => items.map((item) => item.id).sort();
    const personalTasks = (owner: string): string[] =>
      seeded.rows
        .filter((row) => row.resource === 'tasks' && row.owner === owner && row.team === null)
        .map((row) => row.id)
        .sort();

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'front-');
      const scope = { resources: ['tasks'], max_rows_per_query: 100 };
      const enroll = (user: string) => enrollByHand(world.work, { user, peer: `front-of-${user}`, scope });
      [alice, bob] = await Promise.all([enroll(seeded.alice.name), enroll(seeded.bob.name)]);
    });
    afterAll(async () => {
      await Promise.all([alice.remove(), bob.remove()]);
      await world.close();
    });

    /** What the front wrote down of one request; it buffers its log for a second. */
    const logLineOf = async (trace: string): Promise<LogLine> => {
      const file = path.join(folderOf(world.handle.state, 'nginx-b'), 'log', 'access.log');
      let found: LogLine | undefined;
      await expect
        .poll(
          () => {
            const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
            found = lines.map((line) => JSON.parse(line) as LogLine).find((line) => line.trace_id === trace);
            return found;
          },
          { timeout: 5_000 },
        )
        .toBeDefined();
      if (found === undefined) throw new Error('unreachable');
      return found;
    };

    const refusal = async (tls: { ca: string; cert?: string; key?: string }) => {
      const trace = crypto.randomUUID().replaceAll('-', '');
      const url = `${world.work.federationUrl}/federation/v1/tasks?q=canary-${trace}`;
      const answer = await tlsGet(url, tls, { traceparent: `00-${trace}-${trace.slice(16)}-01` });
      return { ...answer, line: await logLineOf(trace) };
    };

    it('M3-5 X-1 no certificate: the front answers 401 with a reason as JSON, and no handler runs', async () => {
      const { ca } = tlsOf(alice);
      const { status, headers, body, line } = await refusal({ ca });
      expect([status, body.code]).toEqual([401, 'certificate_required']);
      expect(headers['content-type']).toBe('application/problem+json');
      expect(line).toMatchObject({ status: 401, client_verify: 'NONE', path: '/federation/v1/tasks' });
      expect(['', '-']).toContain(line.upstream_seconds);
    });

    it('M3-5 X-3 a server certificate of the right authority: 401 with the reason, and no handler runs', async () => {
      const material = (name: string): string =>
        readFileSync(path.join(materialOf(world.handle.state, 'b'), name), 'utf8');
      const { ca } = tlsOf(alice);
      const answer = await refusal({ ca, cert: material('server.pem'), key: material('server.key') });
      expect([answer.status, answer.body]).toEqual([
        401,
        expect.objectContaining({
          code: 'certificate_untrusted',
          detail: 'The certificate may not be used by a client.',
        }),
      ]);
      expect(['', '-']).toContain(answer.line.upstream_seconds);
    });

    it('X-16 the gateways listen on no port at all: only who may open their sockets reaches them', () => {
      for (const name of ['gateway-a', 'gateway-b'])
        expect(listeningPorts(processOf(world.handle.stateDir, name).pid)).toEqual([]);
      // The method itself sees a listener where there is one.
      expect(listeningPorts(processOf(world.handle.stateDir, 'valkey-b').pid)).toEqual([
        world.handle.state.ports.valkeyB,
      ]);
    });

    it('M6-1 20 reloads of B’s nginx in a row: no list at home fails or is cut short', async () => {
      const { grantId, peerName } = await grantAndEnroll(world, {
        subject: seeded.alice,
        localUser: seeded.ann,
        peerName: 'front-reloads',
        scope: { resources: ['tasks'], max_rows_per_query: 100 },
      });
      const body = { rate_limit_per_minute: 1_000_000, cache_ttl_seconds: 0 };
      await must(200, world.work, `/api/admin/grants/${grantId}`, { method: 'PATCH', body });
      const source = `federated:${peerName}`;
      const expected = JSON.stringify([200, 'complete', personalTasks(seeded.alice.id)]);
      const outcomes: string[] = [];
      const stopping = new AbortController();
      const asking = Array.from({ length: 12 }, async () => {
        while (!stopping.signal.aborted) {
          const answer = await call(world.home, `/api/query/tasks?source=${source}&limit=100`, {
            token: seeded.ann.token,
          });
          const { items, sources } = answer.body;
          outcomes.push(
            JSON.stringify([
              answer.status,
              sources?.[source]?.status,
              items === undefined ? [] : titles(items),
            ]),
          );
        }
      });
      const folder = folderOf(world.handle.state, 'nginx-b');
      const nginx = {
        config: path.join(folder, 'nginx.conf'),
        pidFile: path.join(folder, 'run', 'nginx.pid'),
        binary: programs.nginx,
      };
      await expect.poll(() => outcomes.length, { timeout: 10_000 }).toBeGreaterThan(20);
      const before = outcomes.length;
      for (let reload = 0; reload < 20; reload += 1) expect(await reloadNginx(nginx)).toBe('reloaded');
      const during = outcomes.length - before;
      stopping.abort();
      await Promise.all(asking);
      expect(new Set(outcomes)).toEqual(new Set([expected]));
      // Of every generation of workers, some.
      expect(during).toBeGreaterThan(40);
    });

    it('what somebody searches for is in no log of either front, of a search that works and of one that does not', async () => {
      const word = `canary${crypto.randomUUID().replaceAll('-', '')}`;
      const trace = crypto.randomUUID().replaceAll('-', '');
      const answer = await alice.get(`/federation/v1/search?q=${word}`, {
        traceparent: `00-${trace}-${trace.slice(16)}-01`,
      });
      expect([answer.status, answer.body.items]).toEqual([200, []]);
      await call(world.home, `/api/query/search?q=${word}`);
      await call(world.work, `/api/query/search?q=${word}&source=nowhere`);
      expect((await logLineOf(trace)).path).toBe('/federation/v1/search');
      for (const side of ['a', 'b'] as const) {
        const [front, gateway] = [`nginx-${side}`, `gateway-${side}`].map((name) =>
          folderOf(world.handle.state, name),
        );
        const logs = [path.join(front ?? '', 'log'), front ?? '', gateway ?? ''].flatMap((folder) =>
          readdirSync(folder)
            .filter((name) => name.endsWith('.log'))
            .map((name) => path.join(folder, name)),
        );
        expect(logs.map((file) => path.basename(file))).toEqual(
          expect.arrayContaining(['access.log', 'error.log', `gateway-${side}.log`]),
        );
        for (const file of logs)
          expect([file, readFileSync(file, 'utf8').includes(word)]).toEqual([file, false]);
      }
    });

    it('F-54 the id of a gateway’s answer through nginx is in both logs', async () => {
      const gatewayLog = (): string =>
        readFileSync(processOf(world.handle.stateDir, 'gateway-b').logFile, 'utf8');
      const refused = await alice.get('/federation/v1/nowhere');
      const stranger = await call(world.work, '/api/me', { token: 'mos_wrong' });
      for (const [answer, status] of [
        [refused, 404],
        [stranger, 401],
      ] as const) {
        expect(answer.status).toBe(status);
        const { trace_id: id = '' } = answer.body as { readonly trace_id?: string };
        expect(id).toMatch(/^[0-9a-f]{32}$/);
        expect((await logLineOf(id)).status).toBe(status);
        expect(gatewayLog().includes(id)).toBe(true);
      }
    });

    it('nginx says nothing of requests in its error log, which would quote what was searched for', () => {
      const template = readFileSync(new URL('../../../infra/nginx/nginx.conf.tpl', import.meta.url), 'utf8');
      expect(template.slice(template.indexOf('http {')).match(/^ *error_log .*$/gm)).toEqual([
        '  error_log /dev/null emerg;',
      ]);
    });

    it('F-36 whoever else may open the socket is no peer: a good certificate counts from the front alone', async () => {
      const { federation } = socketsOf(world.handle.state, 'gateway-b');
      const ask = (headers: OutgoingHttpHeaders) =>
        requestSocket(federation, '/federation/v1/tasks', { headers });
      const genuine = asFront(world.handle.state, 'gateway-b', alice.certFile);
      expect((await ask(genuine)).status).toBe(200);
      const { 'client-cert': certificate = '', 'mosaic-front-proof': proof = '' } = genuine;
      const forged = [undefined, '', '0'.repeat(64), proof.slice(0, 63), `${proof}0`, [proof, proof]];
      for (const other of forged) {
        const header = other === undefined ? {} : { 'mosaic-front-proof': other };
        const answer = await ask({ 'client-cert': certificate, ...header });
        expect([answer.status, (JSON.parse(answer.text) as Body).code]).toEqual([
          401,
          'certificate_required',
        ]);
      }
      const log = readFileSync(processOf(world.handle.stateDir, 'gateway-b').logFile, 'utf8');
      expect(log).toContain('front_unproven');
      expect(log).not.toContain(proof);
    });

    it('X-16 straight to the socket with a PEM and SUCCESS in other fronts’ headers: 401', async () => {
      const { federation } = socketsOf(world.handle.state, 'gateway-b');
      const pem = readFileSync(alice.certFile, 'utf8');
      const answer = await requestSocket(federation, '/federation/v1/tasks', {
        headers: {
          'x-ssl-client-verify': 'SUCCESS',
          'x-ssl-client-cert': encodeURIComponent(pem),
          'ssl-client-cert': encodeURIComponent(pem),
          'x-forwarded-client-cert': `Cert="${encodeURIComponent(pem)}"`,
          'x-forwarded-for': '127.0.0.1',
        },
      });
      expect([answer.status, (JSON.parse(answer.text) as Body).code]).toEqual([401, 'certificate_required']);
    });

    it('X-16 X-17 the public side believes no certificate header, and serves no verb', async () => {
      const pem = readFileSync(alice.certFile, 'utf8');
      const get = world.work.fetch ?? fetch;
      const answer = await get(`${world.work.publicUrl}/federation/v1/tasks`, {
        headers: { 'client-cert': headerOf(pem) },
      });
      expect([401, 404]).toContain(answer.status);
      expect(await answer.text()).not.toContain('items');
    });

    it.each<[string, (value: string) => OutgoingHttpHeaders]>([
      ['as it is', (value: string) => ({ 'client-cert': value })],
      ['in mixed case', (value: string) => ({ 'cLiEnT-CeRt': value })],
      ['with underscores', (value: string) => ({ client_cert: value, Client_Cert: value })],
      ['twice', (value: string) => ({ 'Client-Cert': [value, value] })],
      [
        'as a chain and for other fronts',
        (value: string) => ({
          'client-cert-chain': value,
          'x-ssl-client-cert': value,
          'x-forwarded-client-cert': value,
          forwarded: `for=127.0.0.1;cert="${value}"`,
        }),
      ],
      [
        'as something to be dropped on the way',
        (value: string) => ({
          'client-cert': value,
          connection: 'client-cert, close',
        }),
      ],
    ])(
      'X-17 a client’s own Client-Cert through the front, %s: the real certificate wins',
      async (_how, headers) => {
        const stolen = headerOf(readFileSync(bob.certFile, 'utf8'));
        const url = `${world.work.federationUrl}/federation/v1/tasks`;
        const answer = await tlsGet(url, tlsOf(alice), headers(stolen));
        expect(answer.status).toBe(200);
        expect(titles(answer.body.items)).toEqual(personalTasks(seeded.alice.id));
      },
    );
  });
};
