import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../tools/checks/repository.ts';
import { ensureInstalled } from '../../devstack/components/installed.ts';
import { startPostgres, type Postgres } from '../../devstack/components/postgres.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { startStepCa, type StepCa } from '../../devstack/components/step-ca.ts';
import { startValkey, type Valkey } from '../../devstack/components/valkey.ts';

/** In every password: must turn up in no output. */
export const CANARY = 'canary-9d41f7';
const MAIN = path.join(ROOT, 'src/cli/main.ts');

/** What a federated gateway stands on, as real processes. */
export interface Services {
  readonly folder: string;
  readonly postgres: Postgres;
  readonly valkey: Valkey;
  readonly stepCa: StepCa;
  /** Everything a gateway needs to know, as environment; `name` keeps two gateways apart. */
  environment(name?: string): Record<string, string>;
  stop(): Promise<void>;
}

export const startServices = async (): Promise<Services> => {
  ensureInstalled();
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-tiers-'));
  // Postgres and nginx's workers run as other users.
  chmodSync(folder, 0o711);
  const [pgPort, kvPort, caPort, crlPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const valkeyFolder = path.join(folder, 'valkey');
  mkdirSync(valkeyFolder);
  writeFileSync(path.join(valkeyFolder, 'password'), `${CANARY}-${randomBytes(12).toString('hex')}\n`, {
    mode: 0o600,
  });
  const stepCaFolder = path.join(folder, 'step-ca');
  mkdirSync(stepCaFolder);
  writeFileSync(path.join(stepCaFolder, 'provisioner-password'), `${CANARY}-provisioner\n`, { mode: 0o600 });
  const [postgres, valkey, stepCa] = await Promise.all([
    startPostgres({
      folder: path.join(folder, 'postgres'),
      port: pgPort,
      database: 'mosaic',
      user: 'mosaic',
      password: `${CANARY}-postgres`,
    }),
    startValkey({ folder: valkeyFolder, port: kvPort }),
    startStepCa({ folder: stepCaFolder, port: caPort, crlPort }),
  ]);
  const sealingKey = randomBytes(32).toString('base64');
  return {
    folder,
    postgres,
    valkey,
    stepCa,
    environment: (name = 'gateway') => {
      const run = path.join(folder, name);
      mkdirSync(run, { recursive: true });
      return {
        MOSAIC_TIER: 'federated',
        MOSAIC_DATA_DIR: run,
        MOSAIC_SEALING_KEY: sealingKey,
        DATABASE_URL: postgres.url,
        DATABASE_PEERS_URL: postgres.peersUrl,
        DATABASE_MAINTENANCE_URL: postgres.maintenanceUrl,
        VALKEY_URL: valkey.url,
        STEP_CA_URL: stepCa.url,
        STEP_CA_ROOT_CERT_PATH: stepCa.rootCertFile,
        STEP_CA_INTERMEDIATE_CERT_PATH: stepCa.intermediateCertFile,
        STEP_CA_ROOT_CRL_PATH: stepCa.rootCrlFile,
        STEP_CA_PROVISIONER_KEY_JSON_FILE: stepCa.clientKeyFile,
        STEP_CA_TLS_PROVISIONER_KEY_JSON_FILE: stepCa.serverKeyFile,
        STEP_CA_PROVISIONER_PASSWORD_FILE: stepCa.provisionerPasswordFile,
        MOSAIC_PUBLIC_PORT: '0',
        MOSAIC_FEDERATION_SOCKET: path.join(run, 'federation.sock'),
        MOSAIC_FRONT_DIRECTORY: path.join(run, 'front'),
        FEDERATION_URL: 'https://localhost:1',
        FEDERATION_ENROLLMENT_BASE_URL: 'https://localhost:2',
        MOSAIC_LOG_LEVEL: 'warn',
      };
    },
    stop: async () => {
      for (const one of [stepCa, valkey, postgres]) {
        process.kill(one.pid, 'SIGCONT');
        await stop(one, one === postgres ? 'SIGINT' : 'SIGTERM');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
}

export interface CommandLine {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** The first line of its standard output, and the milliseconds until it came. @throws Error with what it said when it ends before */
  readonly firstLine: Promise<{ readonly line: string; readonly ms: number }>;
  readonly ended: Promise<Ended>;
}

/** `mosaic …` as a process with that environment and nothing else. */
export const mosaic = (args: readonly string[], env: Readonly<Record<string, string>>): CommandLine => {
  const from = performance.now();
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const first = Promise.withResolvers<{ line: string; ms: number }>();
  first.promise.catch(() => undefined);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    const [line, ...rest] = out.split('\n');
    if (rest.length > 0) first.resolve({ line: line ?? '', ms: performance.now() - from });
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      first.reject(new Error(`it ended with ${code}:\n${err}`));
      resolve({ code, out, err, ms: performance.now() - from });
    });
  });
  return { child, out: () => out, err: () => err, firstLine: first.promise, ended };
};
