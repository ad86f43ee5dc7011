import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAIN } from '../../runtimes/node/boot/place.ts';
import { launchGateway, type GatewayProcess, type ReadyGateway } from '../demo/launch.ts';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** What was written so far. */
  readonly out: () => string;
  readonly err: () => string;
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

/** Starts the command line as a process of its own, with nothing of the caller's environment but PATH. */
export const startCli = (args: readonly string[], options: ProcessOptions = {}): Running => {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, out, err }));
  });
  return { child, finished, out: () => out, err: () => err };
};

export const runCli = (args: readonly string[], options: ProcessOptions = {}): Promise<Finished> =>
  startCli(args, options).finished;

export interface Processes {
  readonly folder: string;
  launch(name: string): Promise<ReadyGateway>;
  close(): Promise<void>;
}

/** A folder for a test, with gateways as processes in it; `close` ends all of them and removes it. */
export const makeProcesses = async (): Promise<Processes> => {
  const folder = await mkdtemp(join(tmpdir(), 'mosaic-cli-test-'));
  const gateways: GatewayProcess[] = [];
  return {
    folder,
    launch: async (name) => {
      const dataDir = join(folder, name);
      await mkdir(dataDir);
      const env = { FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true' };
      const gateway = launchGateway({ name, dataDir, env });
      gateways.push(gateway);
      return gateway.ready;
    },
    close: async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Members of answers that the cases look at; the assertions are the check. */
export interface Doc {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  /** Of a new token. */
  readonly text: string;
  readonly status: string;
  readonly state: string;
  readonly revoked: boolean;
  readonly deleted: boolean;
  readonly scope: { readonly resources: readonly string[] };
  readonly version: number;
  readonly next_cursor: string | null;
  readonly items: readonly (Doc & {
    readonly _source: string;
    readonly verb: string;
    readonly outcome: string;
  })[];
  readonly sources: Readonly<Record<string, { readonly status: string }>>;
  readonly grant: Doc;
  readonly enrollment: { readonly url: string };
}

export const errorOf = ({ err }: Finished): { readonly code: string; readonly exit_code: number } =>
  (JSON.parse(err) as { error: { code: string; exit_code: number } }).error;

/** The path of a token file, for `ask`. */
export const tokenFile = (processes: Processes, gateway: ReadyGateway, who: string): string =>
  join(processes.folder, `${gateway.name}-${who}`);

/** Runs a command at a gateway as `who`. @returns its JSON document. @throws Error when it did not end with 0 */
export const ask = async (
  processes: Processes,
  gateway: ReadyGateway,
  who: string,
  args: readonly string[],
  stdin = '',
): Promise<Doc> => {
  const all = [
    ...args,
    '--json',
    '--url',
    gateway.publicUrl,
    '--token-file',
    tokenFile(processes, gateway, who),
  ];
  const { code, out, err } = await runCli(all, { stdin });
  if (code !== 0 || err !== '') throw new Error(`mosaic ${args.join(' ')} ended with ${code}: ${err}`);
  return JSON.parse(out) as Doc;
};

/** A command line as words: literal text is split at blanks, each `${…}` is one word (lists: several). */
export const words = (
  text: TemplateStringsArray,
  ...values: readonly (string | readonly string[])[]
): readonly string[] =>
  text.flatMap((part, index) => {
    const value = values[index] ?? [];
    return [
      ...part.split(/\s+/).filter((word) => word !== ''),
      ...(typeof value === 'string' ? [value] : value),
    ];
  });
