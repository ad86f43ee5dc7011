import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../checks/repository.ts';
import type { Asked, Told } from './worker.ts';

/** How one run of a guard's tests ended; null: not within the time. */
export type Ran = Extract<Told, { readonly kind: 'ran' }> | null;

const START_MS = 120_000;

/** The process that runs the tests of one guard; it is ended and started anew when a change keeps it busy for too long. */
export class GuardProcess {
  readonly #tests: readonly (readonly string[])[];
  readonly #template: string;
  #child: ChildProcess | null = null;

  /** @param template the data directory that databases in memory begin with; empty: none is opened */
  constructor(tests: readonly (readonly string[])[], template: string) {
    this.#tests = tests;
    this.#template = template;
  }

  /**
   * @param limits most time that each group of tests may take, in milliseconds: a change that makes the first one run for ever
   * is not waited for as long as the slowest may take; the last limit holds for all groups that have none
   * @throws Error when the process ends by itself
   */
  async run(asked: Asked, limits: readonly number[]): Promise<Ran> {
    const child = this.#child ?? (await this.#start());
    child.send(asked);
    const told = await this.#answer(child, limits);
    if (told === null) this.stop();
    return told?.kind === 'ran' ? told : null;
  }

  stop(): void {
    const child = this.#child;
    this.#child = null;
    if (child?.pid === undefined) return;
    try {
      // The group: the processes of the tests as well, which a loop keeps from hearing of it.
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(
      join(ROOT, 'harness/tools/mutate/worker.ts'),
      [JSON.stringify(this.#tests), this.#template],
      {
        cwd: ROOT,
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        detached: true,
      },
    );
    this.#child = child;
    if ((await this.#answer(child, [START_MS])) === null) throw new Error('the tests could not be started');
    return child;
  }

  #answer(child: ChildProcess, limits: readonly number[]): Promise<Told | null> {
    return new Promise((resolve, reject) => {
      const said: string[] = [];
      const hear = (chunk: Buffer): void => void said.push(chunk.toString());
      const end = (): void => {
        clearTimeout(timer);
        child.off('message', tell).off('exit', ended).stderr?.off('data', hear);
      };
      const late = (): void => {
        end();
        resolve(null);
      };
      let passed = 0;
      let timer = setTimeout(late, limits[0]);
      const tell = (message: unknown): void => {
        const told = message as Told;
        clearTimeout(timer);
        if (told.kind === 'passed') {
          passed += 1;
          timer = setTimeout(late, limits[passed] ?? limits.at(-1));
          return;
        }
        end();
        resolve(told);
      };
      const ended = (): void => {
        end();
        this.#child = null;
        reject(new Error(`the process of the tests has ended: ${said.join('').trim()}`));
      };
      child.on('message', tell).once('exit', ended).stderr?.on('data', hear);
    });
  }
}
