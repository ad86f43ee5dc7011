import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestSocket } from '../../devstack/stack/unix-request.ts';
import type { LogFields } from '../../../domain/ports/basics.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { inspectFront } from '../../../src/runtimes/node/doctor/inspect-front.ts';
import { evaluate } from '../../../src/runtimes/node/doctor/evaluate.ts';
import { inspectGateway } from '../../../src/runtimes/node/doctor/inspect-gateway.ts';
import { issueClient } from '../../../src/runtimes/node/front/front.testkit.ts';
import { proofIn } from '../../../src/runtimes/node/front/front-folder.ts';
import { startGateway, type RunningGateway } from '../../../src/runtimes/node/boot/start.ts';

let folder: string;
let gateway: RunningGateway;
let lines: (LogFields & { readonly message: string })[];
const proofFile = (): string => join(folder, 'front', 'front-proof.conf');
const aside = (): string => join(folder, 'aside.conf');

const configOf = () =>
  loadConfig({
    file: {
      version: 2,
      data_dir: join(folder, 'data'),
      listen: {
        public: { socket: join(folder, 'public.sock') },
        federation: { socket: join(folder, 'federation.sock') },
      },
      federation: { url: 'https://work.test', enrollment_base_url: 'https://work.test' },
      front: { directory: join(folder, 'front') },
    },
  }).config;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mosaic-proof-'));
  lines = [];
  const note = (message: string, fields?: LogFields): void => void lines.push({ message, ...fields });
  gateway = await startGateway(configOf(), { log: { debug: note, info: note, warn: note, error: note } });
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

const secret = (): string => proofIn({ 'front-proof.conf': readFileSync(proofFile(), 'utf8') }) ?? '';

const asPeer = async (proof: string) => {
  const { cert } = await issueClient(gateway.deps.ca);
  const answer = await requestSocket(join(folder, 'federation.sock'), '/federation/v1/capabilities', {
    headers: {
      'client-cert': `:${cert.replaceAll(/-----[^-]+-----|\s+/g, '')}:`,
      'mosaic-front-proof': proof,
    },
  });
  return [answer.status, (JSON.parse(answer.text) as { code: string }).code] as const;
};

const ready = async () => {
  const answer = await requestSocket(join(folder, 'public.sock'), '/ready', {});
  const { status, front } = JSON.parse(answer.text) as { status: string; front: { status: string } };
  return [answer.status, status, front.status];
};

const doctor = async () => {
  const findings = [...(await inspectFront(configOf())), ...(await inspectGateway(configOf()))];
  return evaluate(findings, new Date())
    .checks.filter(({ status }) => status === 'red')
    .map(({ name }) => name);
};

/** Of a certificate for a grant that is not there: who gets so far was believed. */
const BELIEVED = [403, 'grant_unknown'];
/** A turn of the file's reading, which is once a second at most. */
const SOON = { timeout: 20_000 };
const OTHER = 'f'.repeat(64);
const NEVER = '0'.repeat(64);

describe('F-36 a proof file that the gateway cannot read is its own fault', () => {
  it('unproven peers get 503 while a folder is in its place, every view shows it, and all is well when it is back', async () => {
    expect(await asPeer(secret())).toEqual(BELIEVED);
    expect(await asPeer(OTHER)).toEqual([401, 'certificate_required']);
    expect([await ready(), await doctor()]).toEqual([[200, 'ready', 'ok'], []]);
    const known = secret();
    renameSync(proofFile(), aside());
    mkdirSync(proofFile());
    await expect.poll(() => asPeer(OTHER), SOON).toEqual([503, 'unavailable']);
    expect(await asPeer('')).toEqual([503, 'unavailable']);
    // What is known goes on: nginx need not have another secret yet.
    expect(await asPeer(known)).toEqual(BELIEVED);
    expect(await ready()).toEqual([200, 'degraded', 'proof_unreadable']);
    expect(await doctor()).toEqual(['proof of the front', 'gateway']);
    expect(lines.filter(({ alert }) => alert === 'front_proof_unreadable')).toMatchObject([
      { fault: 'EISDIR' },
    ]);
    rmSync(proofFile(), { recursive: true });
    // Another secret than before: written by another replica, for example.
    writeFileSync(proofFile(), readFileSync(aside(), 'utf8').replace(known, OTHER), { mode: 0o600 });
    await expect.poll(() => asPeer(OTHER), SOON).toEqual(BELIEVED);
    expect([await ready(), await doctor()]).toEqual([[200, 'ready', 'ok'], []]);
    expect(await asPeer(NEVER)).toEqual([401, 'certificate_required']);
    expect(JSON.stringify(lines)).not.toContain(known);
  });

  it.each([
    ['missing', () => rmSync(proofFile())],
    ['empty', () => writeFileSync(proofFile(), '')],
  ])(
    'one that is %s is made anew as soon as it is noticed, and nobody is refused for it',
    async (_name, harm) => {
      const known = secret();
      harm();
      await expect
        .poll(async () => {
          expect(await asPeer(known)).toEqual(BELIEVED);
          const [status] = await asPeer(NEVER);
          expect([401, 503]).toContain(status);
          return secret().length;
        }, SOON)
        .toBe(64);
      expect(secret()).not.toBe(known);
      await expect.poll(ready, SOON).toEqual([200, 'ready', 'ok']);
      // nginx's workers from before go on with the older one for a minute.
      expect([await asPeer(known), await asPeer(secret())]).toEqual([BELIEVED, BELIEVED]);
    },
  );

  it('a start says which folder it is, and what to do', async () => {
    await gateway.stop();
    renameSync(proofFile(), aside());
    mkdirSync(proofFile());
    await expect(startGateway(configOf(), {})).rejects.toThrow(
      /front.*cannot be read \(EISDIR\).*remove them/s,
    );
    rmSync(proofFile(), { recursive: true });
  });
});
