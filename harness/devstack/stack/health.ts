import { existsSync, readFileSync } from 'node:fs';
import { isRunning, type StackState } from './state.ts';
import { trustingFetch, type Fetch } from './trusting-fetch.ts';

export interface Health {
  readonly healthy: boolean;
  /** What is wrong, for people. */
  readonly complaints: readonly string[];
}

const WAIT_MS = 4_000;

const ask = async (fetch: Fetch, url: string, expected: number): Promise<string | null> => {
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(WAIT_MS) });
    return status === expected ? null : `${url} answers ${status}`;
  } catch (error) {
    const { cause } = error as { readonly cause?: unknown };
    return `${url} does not answer: ${cause instanceof Error ? cause.message : String(error)}`;
  }
};

/** Whether both gateways are ready, with everything they stand on, and both fronts ask for a client certificate. */
export const healthOf = async (state: StackState): Promise<Health> => {
  const ended = state.components.filter((one) => !isRunning(one)).map(({ name }) => `${name} has ended`);
  if (state.mode === 'process' && state.components.length === 0) ended.push('nothing runs');
  if (ended.length > 0) return { healthy: false, complaints: ended };
  if (!existsSync(state.rootCertFile))
    return { healthy: false, complaints: ['the root certificate is gone'] };
  const fetch = trustingFetch(readFileSync(state.rootCertFile, 'utf8'));
  const answers = await Promise.all(
    Object.values(state.gateways).flatMap(({ baseUrl, federationUrl }) => [
      ask(fetch, `${baseUrl}/ready`, 200),
      ask(fetch, `${federationUrl}/federation/v1/capabilities`, 401),
    ]),
  );
  const complaints = answers.flatMap((answer) => (answer === null ? [] : [answer]));
  return { healthy: complaints.length === 0, complaints };
};
