import type { IncomingMessage } from 'node:http';

/** A path, or an absolute address, that can be made into a URL; node-server takes no backslash before the query. */
const isReadable = (target: string): boolean => {
  const [place = ''] = target.split('?', 1);
  if (place.includes('\\')) return false;
  return target.startsWith('/') || (/^https?:\/\//.test(target) && URL.canParse(target));
};

/**
 * Makes a peer's request one that the app gets to see, so that it counts against the rate limit and is audited like any
 * other (SPEC M4, ABUSE 38): node-server answers what it can't make a URL of by itself. The app looks at no host, and
 * what names no path asks for nothing.
 */
export const makeReadable = (incoming: IncomingMessage): void => {
  incoming.headers.host = 'gateway';
  if (!isReadable(incoming.url ?? '')) incoming.url = '/';
};
