import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Log, LogFields } from '../../domain/ports/basics.ts';

const INFRA = fileURLToPath(new URL('../../infra/valkey/', import.meta.url));

export const VALKEY_USER = 'mosaic';
/** A canary: it must turn up in no error, log or file. */
export const VALKEY_PASSWORD = 'canary-password-1f0c3d5e7a9b';

export interface RealValkey {
  readonly port: number;
  /** With user and password. */
  readonly url: string;
  readonly passwordFile: string;
  /** Its working folder, where it would write if it wrote anything. */
  readonly folder: string;
  readonly pid: () => number;
  readonly output: () => string;
  /** Stops it at once, as a crash would. */
  kill(): Promise<void>;
  /** Stops it as an operator would. */
  terminate(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** Lets it hang: connections are still accepted, nothing is answered. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its files. */
  remove(): Promise<void>;
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

/** Whether something answers in the protocol: `-NOAUTH` is an answer too. */
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'));
    socket.setTimeout(500, () => socket.destroy());
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => resolve(false));
  });

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

export interface RealValkeyOptions {
  /** After the configuration file on the command line, so that they win. */
  readonly args?: (port: number, home: string) => readonly string[];
}

const prepare = () => {
  const home = mkdtempSync(join(tmpdir(), 'mosaic-valkey-'));
  const folder = join(home, 'data');
  mkdirSync(folder);
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, `${VALKEY_PASSWORD}\n`, { mode: 0o600 });
  const users = join(home, 'users.acl');
  writeFileSync(users, execFileSync(join(INFRA, 'make-users.sh'), [passwordFile, VALKEY_USER]));
  chmodSync(users, 0o600);
  return { home, folder, passwordFile, users };
};

/** A real valkey-server with the configuration that operators get, on a free loopback port, in a folder of its own. */
export const startValkey = async (options: RealValkeyOptions = {}): Promise<RealValkey> => {
  const { home, folder, passwordFile, users } = prepare();
  let port = await freePort();
  let child: ChildProcess | undefined;
  let text = '';

  const launch = async (): Promise<boolean> => {
    const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--aclfile', users];
    const args = [join(INFRA, 'valkey.conf'), ...place, ...(options.args?.(port, home) ?? [])];
    const started = spawn('valkey-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    started.stdout.on('data', (chunk) => (text += String(chunk)));
    started.stderr.on('data', (chunk) => (text += String(chunk)));
    let failure: NodeJS.ErrnoException | undefined;
    started.once('error', (error) => (failure = error));
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if (failure?.code === 'ENOENT') {
        throw new Error('valkey-server is not installed: run infra/install-debian.sh as root');
      }
      if (started.exitCode !== null) return false;
      if (text.includes('Ready to accept connections') && (await answers(port))) return true;
      await pause(25);
    }
    return false;
  };

  const start = async (): Promise<void> => {
    text = '';
    if (!(await launch())) throw new Error(`valkey-server does not start:\n${text}`);
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };

  try {
    // The port was free a moment ago; another process may have taken it since.
    for (let attempt = 0; !(await launch()); attempt += 1) {
      await end('SIGKILL');
      if (attempt === 3) throw new Error(`valkey-server does not start:\n${text}`);
      port = await freePort();
      text = '';
    }
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }

  return {
    port,
    url: `valkey://${VALKEY_USER}:${VALKEY_PASSWORD}@127.0.0.1:${port}`,
    passwordFile,
    folder,
    pid: () => child?.pid ?? 0,
    output: () => text,
    kill: () => end('SIGKILL'),
    terminate: () => end('SIGTERM'),
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    remove: async () => {
      await end('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
};

/** A log that keeps its lines as text. */
export const keepingLog = (): Log & { readonly lines: string[] } => {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      const { error, ...rest } = fields;
      lines.push(
        `${level} ${message} ${JSON.stringify(rest)} ${error instanceof Error ? error.message : ''}`,
      );
    };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};

let spaces = 0;
/** A key space of its own within what the user may touch, so that tests share a server without meeting. */
export const ownPrefix = (): string => `mosaic:test-${(spaces += 1)}:`;

/** Everything an error says, along its causes, its own fields and its stack. */
export const everythingOf = (error: unknown): string => {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? '';
  const fields = JSON.stringify(error, Object.getOwnPropertyNames(error));
  return `${error.message}\n${error.stack}\n${fields}\n${everythingOf(error.cause)}`;
};

/** Waits until the action succeeds. @returns the milliseconds that took @throws the last error after `limitMs` */
export const untilWorks = async (action: () => Promise<unknown>, limitMs: number): Promise<number> => {
  const from = performance.now();
  for (;;) {
    try {
      await action();
      return performance.now() - from;
    } catch (error) {
      if (performance.now() - from > limitMs) throw error;
      await pause(50);
    }
  }
};

export const realPass = (seconds: number): Promise<void> => pause(seconds * 1000);
