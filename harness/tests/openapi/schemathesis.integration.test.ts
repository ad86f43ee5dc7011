import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbedded, type EmbeddedGateway } from '../acceptance/embedded-world.ts';
import { enrollByHand, type HandMadeClient } from '../acceptance/hand-made-client.ts';
import { must } from '../acceptance/world.ts';
import { versions } from '../../devstack/components/installed.ts';
import { ensureSchemathesis } from '../../devstack/components/schemathesis.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CONFIG = path.join(HERE, 'schemathesis.toml');
/** The same requests each time. */
const SEED = '1';
/** Of one operation, beside the thousands that cover each limit of the document. */
const EXAMPLES = '3';
const PEERS_SIDE = '^/federation/v1';
/** It takes half a minute where nothing else runs. */
const RUN_MS = 600_000;
const INSTALL_MS = 300_000;
const LAST_WORDS = 12_000;

let packages = '';
let folder = '';
let gateway: EmbeddedGateway;
/** Another, because what is tried on the first uses up its limits and its grants. */
let serving: EmbeddedGateway;

beforeAll(async () => {
  packages = await ensureSchemathesis();
  folder = await mkdtemp(path.join(tmpdir(), 'mosaic-schemathesis-'));
  [gateway, serving] = await Promise.all([startEmbedded('work'), startEmbedded('serving')]);
}, INSTALL_MS);
afterAll(async () => {
  await Promise.all([gateway?.stop(), serving?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

const enrolled = async (): Promise<HandMadeClient> => {
  const scope = { resources: ['tasks', 'notes', 'memory'], max_rows_per_query: 100 };
  const peer = await enrollByHand(serving, { user: 'root', peer: 'schemathesis', scope });
  await must(200, serving, `/api/admin/grants/${peer.grantId}`, {
    method: 'PATCH',
    body: { rate_limit_per_minute: 1_000_000 },
  });
  return peer;
};

const schemathesis = (args: readonly string[]): Promise<{ readonly code: unknown; readonly out: string }> =>
  new Promise((resolve) => {
    const command = ['-m', 'schemathesis.cli', '--config-file', CONFIG, 'run', ...args];
    const common = ['--checks', 'all', '--seed', SEED, '--max-examples', EXAMPLES, '--no-color'];
    const phases = [
      '--phases',
      'examples,coverage,fuzzing',
      '--continue-on-failure',
      '--request-timeout',
      '30',
    ];
    execFile(
      'python3',
      [...command, ...common, ...phases, '--generation-database', 'none'],
      {
        // It keeps what it found where it runs.
        cwd: folder,
        env: {
          ...process.env,
          PYTHONPATH: [packages, HERE].join(path.delimiter),
          PYTHONDONTWRITEBYTECODE: '1',
          SCHEMATHESIS_HOOKS: 'hooks',
        },
        maxBuffer: 64 * 1024 * 1024,
        timeout: RUN_MS,
      },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, out: `${stdout}${stderr}` }),
    );
  });

/** What it found, in its own words. */
const found = ({ code, out }: { readonly code: unknown; readonly out: string }) => ({
  code,
  found: code === 0 ? '' : out.slice(Math.max(0, out.search(/=+ (?:ERRORS|FAILURES)/))).slice(0, LAST_WORDS),
});
const cases = (out: string): number => Number(/(\d+) generated/.exec(out)?.[1] ?? 0);

describe('Schemathesis on the document of a running gateway', () => {
  it('is the pinned version', async () => {
    const requirements = await readFile(path.join(HERE, 'requirements.txt'), 'utf8');
    expect(requirements).toContain(`schemathesis==${versions['SCHEMATHESIS_VERSION']}\n`);
  });

  it('F-66 finds nothing on the public listener', { timeout: RUN_MS }, async () => {
    const document = `${gateway.publicUrl}/openapi.json`;
    const authorization = `Authorization: Bearer ${gateway.adminToken}`;
    const ran = await schemathesis([document, '-H', authorization, '--exclude-path-regex', PEERS_SIDE]);
    expect(found(ran)).toEqual({ code: 0, found: '' });
    expect(cases(ran.out)).toBeGreaterThan(1_000);
  });

  it('F-66 finds nothing on the peers’ listener', { timeout: RUN_MS }, async () => {
    const peer = await enrolled();
    const ran = await schemathesis([
      `${serving.publicUrl}/openapi.json`,
      '--url',
      serving.federationUrl,
      '--include-path-regex',
      PEERS_SIDE,
      '--request-cert',
      peer.certFile,
      '--request-cert-key',
      peer.keyFile,
      '--tls-verify',
      peer.caFile,
    ]);
    await peer.remove();
    expect(found(ran)).toEqual({ code: 0, found: '' });
    expect(cases(ran.out)).toBeGreaterThan(100);
  });
});
