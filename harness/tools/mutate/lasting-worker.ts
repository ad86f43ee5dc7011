import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from 'vitest/node';

/*
 * The process that vitest runs test files in, kept from one run to the next. Our own modules are loaded anew for each file, as
 * always; what packages cost to load, and PGlite's WebAssembly to compile, is paid once and not for each change.
 */

type Heard = (given: unknown) => void;

/** After so many test files it is replaced: databases that a failed test left open would fill the memory. */
const MOST_FILES = 40;

class Kept {
  #child: ChildProcess | null = null;
  #files = 0;

  /** @returns the process, and whether it was started for this file */
  take({ distPath, env, execArgv }: PoolOptions): readonly [ChildProcess, boolean] {
    this.#files += 1;
    if (this.#child?.connected === true && this.#files <= MOST_FILES) return [this.#child, false];
    this.#child?.kill('SIGKILL');
    this.#files = 1;
    this.#child = fork(join(distPath, 'workers/forks.js'), [], {
      env,
      execArgv: [...execArgv],
      stdio: 'ignore',
      serialization: 'advanced',
    });
    return [this.#child, true];
  }

  drop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }
}

/** One file's use of the process: what vitest says to begin and to end it is answered here when the process stays. */
class LastingWorker implements PoolWorker {
  readonly name = 'lasting';
  /** With copies of modules on the disk the process would be told once where all of them are, and read the text of an earlier change there. */
  readonly cacheFs = false;
  readonly #kept: Kept;
  readonly #options: PoolOptions;
  readonly #heard: [string, Heard][] = [];
  #child: ChildProcess | null = null;
  #isNew = false;

  constructor(kept: Kept, options: PoolOptions) {
    this.#kept = kept;
    this.#options = options;
  }

  start = async (): Promise<void> => {
    [this.#child, this.#isNew] = this.#kept.take(this.#options);
    await Promise.resolve();
  };

  /** The process goes on; only this file's listeners leave it. */
  stop = async (): Promise<void> => {
    for (const [event, listener] of this.#heard.splice(0)) this.#child?.off(event, listener);
    this.#child = null;
    await Promise.resolve();
  };

  on = (event: string, listener: Heard): void => {
    this.#heard.push([event, listener]);
    this.#child?.on(event, listener);
  };

  off = (event: string, listener: Heard): void => {
    this.#child?.off(event, listener);
  };

  deserialize = (data: unknown): unknown => data;

  send = (message: WorkerRequest): void => {
    const { type } = message as { readonly type?: string };
    const answer = type === 'stop' ? 'stopped' : type === 'start' && !this.#isNew ? 'started' : null;
    if (answer === null) this.#child?.send(message);
    else
      setImmediate(() => {
        for (const [event, listener] of this.#heard)
          if (event === 'message') listener({ type: answer, __vitest_worker_response__: true });
      });
  };
}

/** A pool of one such process. */
export const lastingPool = (): PoolRunnerInitializer => {
  const kept = new Kept();
  process.on('exit', () => kept.drop());
  return { name: 'lasting', createPoolWorker: (options) => new LastingWorker(kept, options) };
};
