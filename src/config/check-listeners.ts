import { ENVIRONMENT } from './environment.ts';
import type { ConfigIssue } from './issues.ts';

interface Listener {
  /** Path of the section that has `host` and `port`. */
  readonly setting: string;
  readonly host: string;
  readonly port: number;
}

const isAnyAddress = (host: string): boolean => host === '0.0.0.0' || host === '::';

const meet = (one: Listener, other: Listener): boolean =>
  one.port !== 0 &&
  one.port === other.port &&
  (one.host === other.host || isAnyAddress(one.host) || isAnyAddress(other.host));

/** A setting as an operator finds it: its path and its environment variable. */
const named = (path: string): string => {
  const variable = ENVIRONMENT.find((one) => one.path === path)?.variable;
  return variable === undefined ? path : `${path} (${variable})`;
};

/**
 * Two listeners of one gateway in one place, said before anything is opened: the operating system would blame another program.
 * @param sockets paths of the public and of the peers’ socket, or null
 */
export const checkListeners = (
  given: readonly (Listener | false)[],
  [people, peers]: readonly [string | null, string | null],
  issues: ConfigIssue[],
): void => {
  const listeners = given.filter((one) => one !== false);
  for (const [index, one] of listeners.entries())
    for (const other of listeners.slice(index + 1))
      if (meet(one, other))
        issues.push({
          path: named(`${one.setting}.port`),
          message: `is ${one.port}, and so is ${named(`${other.setting}.port`)}`,
          expected: 'two different ports, or 0 for any free one',
        });
  if (people !== null && people === peers)
    issues.push({
      path: named('listen.public.socket'),
      message: `is the same path as ${named('listen.federation.socket')}`,
      expected: 'two different paths',
    });
};
