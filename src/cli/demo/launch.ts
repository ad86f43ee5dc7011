import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { MAIN } from '../../runtimes/node/boot/place.ts';

export interface LaunchOptions {
  readonly name: string;
  /** An existing folder. Also the working folder, so that no mosaic.config.json of the caller is read. */
  readonly dataDir: string;
  /** Further configuration by environment variable. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ports; any free ones by default. */
  readonly publicPort?: number;
  readonly federationPort?: number;
}

/** Where a gateway that is ready can be reached. */
export interface ReadyGateway {
  readonly name: string;
  readonly publicUrl: string;
  readonly federationUrl: string;
}

/** A gateway as a process of its own, from the moment it was started. */
export interface GatewayProcess {
  /** Undefined when it could not be started at all. */
  readonly pid: number | undefined;
  /** Rejects with the gateway's own words when it does not get ready. */
  readonly ready: Promise<ReadyGateway>;
  /** Resolves with the exit code, or null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Ends it gracefully, and by force after `STOP_MS`. Resolves when it is gone; may be called again. */
  stop(): Promise<void>;
  /** Ends it at once: for tests of crashes, and for exit handlers that can't wait. */
  kill(): void;
}

const READY_MS = 60_000;
const STOP_MS = 10_000;
const KEPT_LOG_CHARACTERS = 64_000;

/** Inherited by gateways started here; all else (DATABASE_URL!) could point them at something real. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'LANG', 'SystemRoot', 'NODE_EXTRA_CA_CERTS'];

const readyLine = z.object({ public_url: z.string(), federation_url: z.string() });

const inherited = (): Record<string, string> =>
  Object.fromEntries(
    INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

const startChild = (options: LaunchOptions) =>
  spawn(
    process.execPath,
    [
      MAIN,
      'gateway',
      'start',
      '--json',
      '--stop-with-stdin',
      `--name=${options.name}`,
      `--data-dir=${options.dataDir}`,
      `--public-port=${options.publicPort ?? 0}`,
      `--federation-port=${options.federationPort ?? 0}`,
    ],
    {
      cwd: options.dataDir,
      env: { ...inherited(), MOSAIC_LOG_LEVEL: 'warn', ...options.env },
      // Ctrl-C is ours alone: a group of its own, and an end with us (standard input closes) whatever happens.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );

// A crash inside a bundled library quotes a line of many thousand characters.
const lastWords = (log: string): string =>
  log
    .trim()
    .split('\n')
    .slice(-20)
    .map((line) => line.slice(0, 300))
    .join('\n') || 'it said nothing';

const firstLine = async (output: NodeJS.ReadableStream): Promise<string | undefined> => {
  for await (const line of createInterface({ input: output })) return line;
  return undefined;
};

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

const getReady = async (
  name: string,
  output: NodeJS.ReadableStream,
  stop: () => Promise<void>,
  log: () => string,
): Promise<ReadyGateway> => {
  const tooLate = setTimeout(() => void stop(), READY_MS);
  const line = await firstLine(output);
  clearTimeout(tooLate);
  const parsed = readyLine.safeParse(line === undefined ? undefined : JSON.parse(line));
  if (!parsed.success) {
    await stop();
    throw new Error(`The gateway "${name}" did not start:\n${lastWords(log())}`);
  }
  output.resume();
  return { name, publicUrl: parsed.data.public_url, federationUrl: parsed.data.federation_url };
};

/** Starts `mosaic gateway start` as a process of its own. */
export const launchGateway = (options: LaunchOptions): GatewayProcess => {
  const child = startChild(options);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log = (log + chunk).slice(-KEPT_LOG_CHARACTERS);
  });
  // It may be gone before its input is.
  child.stdin.on('error', () => undefined);
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
  const kill = (): void => void child.kill('SIGKILL');
  const stop = async (): Promise<void> => {
    const force = setTimeout(kill, STOP_MS);
    if (isRunning(child)) child.kill('SIGTERM');
    await exited;
    clearTimeout(force);
  };
  return { pid: child.pid, ready: getReady(options.name, child.stdout, stop, () => log), exited, stop, kill };
};
