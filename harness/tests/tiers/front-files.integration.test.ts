import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Authority, Crl } from '../../../ca/authority.ts';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import type { LogFields } from '../../../domain/ports/basics.ts';
import { keepFrontFiles } from '../../../src/runtimes/node/front/front-files.ts';
import type { FrontKeeper } from '../../../src/runtimes/node/front/front-material.ts';
import {
  createAuthority,
  issueClient,
  type ClientCertificate,
} from '../../../src/runtimes/node/front/front.testkit.ts';
import { serverNames } from '../../../src/runtimes/node/front/server-certificate.ts';
import { tlsGet } from '../acceptance/hand-made-client.ts';
import { ensureInstalled, programs } from '../../devstack/components/installed.ts';
import { startNginx, writeNginxConfig, type NginxFront } from '../../devstack/components/nginx.ts';
import { stop, type Component } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';

const NAMES = serverNames(['localhost', '127.0.0.1']);
/** Long enough never to come by itself: what a test sees, it asked for. */
const POLL_MS = 3_600_000;
const FILES = ['client-ca.pem', 'crl.pem', 'server.key', 'server.pem'] as const;

let ca: Authority;
let front: NginxFront;
let configFile: string;
let nginx: Component;
let root: string;
let folder: string;
const keepers: FrontKeeper[] = [];
const lines: { readonly message: string; readonly fields: LogFields | undefined }[] = [];

const note = (message: string, fields?: LogFields): void => void lines.push({ message, fields });
const log = { debug: note, info: note, warn: note, error: note };
const alerts = (): number => lines.filter(({ fields }) => fields?.['alert'] === 'front_stale').length;

const keep = async (
  authority: Authority = ca,
  options: { readonly names?: typeof NAMES; readonly directory?: string; readonly withNginx?: boolean } = {},
): Promise<FrontKeeper> => {
  const { names = NAMES, directory = front.materialFolder, withNginx = true } = options;
  const pidFile = path.join(front.folder, 'run', 'nginx.pid');
  const keeper = await keepFrontFiles({
    ca: authority,
    keyMaker: makeKeyMaker(),
    clock: { now: () => new Date() },
    log,
    names,
    pollMs: POLL_MS,
    front: {
      directory,
      nginx: withNginx ? { config: configFile, pidFile, binary: programs.nginx } : null,
      refusedLog: null,
      requiresProof: true,
    },
  });
  keepers.push(keeper);
  return keeper;
};

const file = (name: string, directory = front.materialFolder): string =>
  readFileSync(path.join(directory, name), 'utf8');
const ask = async (client: ClientCertificate) => {
  const { cert, key } = client;
  const answer = await tlsGet(`https://localhost:${front.federationPort}/federation/v1/x`, {
    ca: root,
    cert,
    key,
  });
  return { status: answer.status, detail: (answer.body as unknown as { detail?: string }).detail };
};
/** Nothing listens behind the front: who passes TLS is told that. */
const PASSED = 503;
const REVOKED = { status: 401, detail: 'The certificate was revoked.' };

beforeAll(async () => {
  ensureInstalled();
  folder = mkdtempSync(path.join(tmpdir(), 'mosaic-front-'));
  chmodSync(folder, 0o711);
  ca = await createAuthority();
  root = await ca.rootPem();
  const [publicPort, federationPort] = await Promise.all([freePort(), freePort()]);
  const sockets = (name: string): readonly string[] => [path.join(folder, `${name}.sock`)];
  front = {
    folder: path.join(folder, 'nginx'),
    publicPort,
    federationPort,
    materialFolder: path.join(folder, 'material'),
    publicSockets: sockets('public'),
    federationSockets: sockets('federation'),
  };
  configFile = writeNginxConfig(front);
  (await keep()).stop();
  nginx = await startNginx(front);
});
afterEach(() => {
  for (const keeper of keepers.splice(0)) keeper.stop();
  lines.length = 0;
});
afterAll(async () => {
  await stop(nginx);
  rmSync(folder, { recursive: true, force: true });
});

/** Whatever else is wrong is wrong in each round; time that the machine spends elsewhere, hardly in all of them. */
const quickly = async (round: () => Promise<number>): Promise<void> => {
  let least = Infinity;
  for (let rounds = 0; rounds < 5 && least >= 1_000; rounds += 1) least = Math.min(least, await round());
  expect(least).toBeLessThan(1_000);
};

describe('what the gateway keeps for nginx', () => {
  it('is four files, the key for its owner alone', () => {
    const modes = FILES.map((name) => statSync(path.join(front.materialFolder, name)).mode & 0o777);
    expect(modes).toEqual([0o644, 0o644, 0o600, 0o644]);
    expect(file('server.pem').match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  it('M6-1 a revocation is in force at the front within a second', async () => {
    const keeper = await keep();
    await quickly(async () => {
      const client = await issueClient(ca);
      expect((await ask(client)).status).toBe(PASSED);
      const before = keeper.state().crlNumber;
      await ca.revoke(client.serial, 'cessation_of_operation', new Date());
      const from = performance.now();
      await keeper.refresh();
      expect(await ask(client)).toEqual(REVOKED);
      const tookMs = performance.now() - from;
      expect(keeper.state()).toMatchObject({ status: 'ok', refusedLists: 0 });
      expect(keeper.state().crlNumber).toBeGreaterThan(before);
      return tookMs;
    });
  });

  it('M6-1 once it is done no worker of before lets a revoked certificate in, and nobody else is refused meanwhile', async () => {
    const keeper = await keep();
    const [kept, stopping] = [await issueClient(ca), new AbortController()];
    const statuses = new Set<number>();
    const asking = (async () => {
      while (!stopping.signal.aborted) statuses.add((await ask(kept)).status);
    })();
    for (let round = 0; round < 10; round += 1) {
      const client = await issueClient(ca);
      await ca.revoke(client.serial, 'cessation_of_operation', new Date());
      await keeper.refresh();
      const answers = await Promise.all(Array.from({ length: 4 }, () => ask(client)));
      expect(answers).toEqual(Array.from({ length: 4 }, () => REVOKED));
    }
    stopping.abort();
    await asking;
    expect([...statuses]).toEqual([PASSED]);
  });

  it('M6-1 forty revocations at once are two reloads, and all of them refused within a second', async () => {
    const keeper = await keep();
    await quickly(async () => {
      const clients = await Promise.all(Array.from({ length: 40 }, () => issueClient(ca)));
      lines.length = 0;
      const from = performance.now();
      await Promise.all(
        clients.map(async ({ serial }) => {
          await ca.revoke(serial, 'cessation_of_operation', new Date());
          await keeper.refresh();
        }),
      );
      const tookMs = performance.now() - from;
      const reloads = lines.filter(({ message }) => message === 'the front was reloaded').length;
      expect([1, 2]).toContain(reloads);
      const answers = await Promise.all(clients.map((client) => ask(client)));
      expect(answers).toEqual(clients.map(() => REVOKED));
      return tookMs;
    });
  });

  it('an nginx that does not read the list again costs an alert, and is told once more', async () => {
    const keeper = await keep();
    const client = await issueClient(ca);
    await ca.revoke(client.serial, 'cessation_of_operation', new Date());
    process.kill(nginx.pid, 'SIGSTOP');
    try {
      await keeper.refresh();
      expect([keeper.state().status, keeper.state().refusedLists, alerts()]).toEqual(['stale', 1, 1]);
      expect((await ask(client)).status).toBe(PASSED);
    } finally {
      process.kill(nginx.pid, 'SIGCONT');
    }
    await keeper.refresh();
    expect(keeper.state().status).toBe('ok');
    expect(await ask(client)).toEqual(REVOKED);
  });

  it('a list that is older, expired or none is refused, and alarms; the one in force stays', async () => {
    let bad: (good: Crl) => Crl = (good) => good;
    const keeper = await keep({ ...ca, crl: async () => bad(await ca.crl()) });
    const revoked = await issueClient(ca);
    await ca.revoke(revoked.serial, 'cessation_of_operation', new Date());
    await keeper.refresh();
    expect(await ask(revoked)).toEqual(REVOKED);
    const inForce = file('crl.pem');
    const client = await issueClient(ca);
    const cases: readonly ((good: Crl) => Crl)[] = [
      (good) => ({ ...good, number: keeper.state().crlNumber - 1n }),
      (good) => ({ ...good, number: good.number + 5n, nextUpdate: new Date(Date.now() - 1000) }),
      // Passes for a list until nginx looks at it.
      (good) => ({
        ...good,
        number: good.number + 5n,
        pem: good.pem.replace(/^[A-Za-z0-9+/]{64}$/m, 'A'.repeat(64)),
      }),
      (good) => ({ ...good, number: good.number + 5n, pem: '' }),
    ];
    for (const [index, worse] of cases.entries()) {
      bad = worse;
      await keeper.refresh();
      expect([index, keeper.state().status, keeper.state().refusedLists]).toEqual([
        index,
        'stale',
        index + 1,
      ]);
      expect(alerts()).toBe(index + 1);
      expect(file('crl.pem')).toBe(inForce);
      expect((await ask(client)).status).toBe(PASSED);
      expect(await ask(revoked)).toEqual(REVOKED);
    }
    bad = (good) => good;
    await keeper.refresh();
    expect(keeper.state().status).toBe('ok');
  });

  it('an authority that is away costs an alert, and nothing else', async () => {
    const away = Promise.reject(new Error('away'));
    away.catch(() => undefined);
    let isAway = false;
    const keeper = await keep({ ...ca, crl: () => (isAway ? away : ca.crl()) });
    isAway = true;
    const before = FILES.map((name) => file(name));
    await keeper.refresh();
    expect([keeper.state().status, keeper.state().refusedLists, alerts()]).toEqual(['stale', 0, 1]);
    expect(FILES.map((name) => file(name))).toEqual(before);
  });

  it('nginx is told of files that another process wrote and could not tell it of', async () => {
    const client = await issueClient(ca);
    await ca.revoke(client.serial, 'cessation_of_operation', new Date());
    // As a gateway without nginx, or killed before its signal.
    await keep(ca, { withNginx: false });
    expect((await ask(client)).status).toBe(PASSED);
    await keep();
    expect(await ask(client)).toEqual(REVOKED);
  });
});

describe('replicas that share the folder', () => {
  const counting = (authority: Authority) => {
    let issued = 0;
    const counted: Authority = {
      ...authority,
      issue: (request) => {
        issued += 1;
        return authority.issue(request);
      },
    };
    return { counted, issued: () => issued };
  };
  const fresh = (): string => mkdtempSync(path.join(folder, 'shared-'));

  it('get by with one certificate, when they start together and later', async () => {
    const directory = fresh();
    const { counted, issued } = counting(ca);
    const options = { directory, withNginx: false };
    await Promise.all([keep(counted, options), keep(counted, options), keep(counted, options)]);
    const chain = file('server.pem', directory);
    await keep(counted, options);
    expect([issued(), file('server.pem', directory)]).toEqual([1, chain]);
  });

  it('keep what a faster one wrote', async () => {
    const directory = fresh();
    const options = { directory, withNginx: false };
    const old = await ca.crl();
    const slow = await keep({ ...ca, crl: () => Promise.resolve(old) }, options);
    const client = await issueClient(ca);
    await ca.revoke(client.serial, 'cessation_of_operation', new Date());
    await keep(ca, options);
    const newer = file('crl.pem', directory);
    await slow.refresh();
    expect([file('crl.pem', directory), slow.state().status]).toEqual([newer, 'ok']);
    expect(slow.state().crlNumber).toBeGreaterThan(old.number);
  });

  it('make another certificate when it lacks a name, or has another key', async () => {
    const directory = fresh();
    const { counted, issued } = counting(ca);
    const options = { directory, withNginx: false };
    await keep(counted, options);
    const names = serverNames(['localhost', '127.0.0.1', 'new.example']);
    await keep(counted, { ...options, names });
    expect(issued()).toBe(2);
    // It still names what is asked for, and more.
    await keep(counted, options);
    expect(issued()).toBe(2);
    writeFileSync(path.join(directory, 'server.key'), file('server.key'));
    await keep(counted, options);
    expect(issued()).toBe(3);
  });

  it('a folder of another authority counts for nothing', async () => {
    const directory = fresh();
    await keep(ca, { directory, withNginx: false });
    const other = await createAuthority();
    await keep(other, { directory, withNginx: false });
    expect(file('client-ca.pem', directory).trim()).toBe((await other.rootPem()).trim());
    expect(file('crl.pem', directory)).toBe((await other.crl()).pem);
  });
});

describe('another root', () => {
  const roots = (): number => file('client-ca.pem').match(/BEGIN CERTIFICATE/g)?.length ?? 0;
  const lists = (): number => file('crl.pem').match(/BEGIN X509 CRL/g)?.length ?? 0;
  const status = async (client: ClientCertificate): Promise<number> => (await ask(client)).status;

  it('X-66 is announced, issues and stands alone in the end; nginx takes who belongs to a root that is trusted', async () => {
    const keeper = await keep();
    const old = await issueClient(ca);
    const server = file('server.pem');
    await ca.roll?.('announce');
    await keeper.refresh();
    expect([roots(), lists(), file('server.pem')]).toEqual([2, 2, server]);
    expect(await status(old)).toBe(PASSED);

    await ca.roll?.('switch');
    await keeper.refresh();
    // The server’s certificate moves: whoever trusts both roots goes on.
    expect(file('server.pem')).not.toBe(server);
    root = `${root}${await ca.rootPem()}`;
    const next = await issueClient(ca);
    expect(await status(next)).toBe(PASSED);
    expect(await status(old)).toBe(PASSED);
    const gone = await issueClient(ca);
    await ca.revoke(gone.serial, 'superseded', new Date());
    await keeper.refresh();
    expect(await status(gone)).toBe(401);
    expect(await status(next)).toBe(PASSED);

    await ca.roll?.('retire');
    await keeper.refresh();
    expect([roots(), lists()]).toEqual([1, 1]);
    expect(await status(old)).toBe(401);
    expect(await status(next)).toBe(PASSED);
    expect(keeper.state()).toMatchObject({ status: 'ok', refusedLists: 0 });
  });
});
