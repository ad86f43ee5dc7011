import { chmodSync, rmSync, statSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { listenError, socketError, type SystemError } from '../../../../domain/system-errors.ts';
import { folderOfSocket, socketFolderFault } from '../../common/socket-folder.ts';
import { LISTEN_BACKLOG } from './http-limits.ts';

/** A listener could not be opened. The message says which, why and what to do. */
export class ListenError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'ListenError';
  }
}

const opened = (server: Server, open: () => void): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    open();
  });

/** What is wrong and what to do, of an error of either kind of listener. */
const reasonOf = (found: SystemError | null, error: unknown): string => {
  if (found !== null) return `${found.what}. ${found.cure}`;
  return error instanceof Error ? error.message : 'it failed';
};

/** @returns the port in use, also when 0 was asked for. @throws ListenError naming the field to change */
export const listenTcp = async (
  server: Server,
  host: string,
  port: number,
  field: string,
): Promise<number> => {
  try {
    await opened(server, () => server.listen({ host, port, backlog: LISTEN_BACKLOG }));
  } catch (error) {
    const reason = reasonOf(listenError(error), error);
    throw new ListenError(`Cannot listen on ${host}:${port}: ${reason} (${field}).`, error);
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new ListenError(`No port for ${host}.`, null);
  return address.port;
};

const someoneAnswers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });

/** A socket file that outlived its process is removed; anything else in its place is not. */
const clearStaleSocket = async (path: string, field: string): Promise<void> => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new ListenError(`Cannot listen on ${path}: that is a file, not a socket.`, null);
  if (await someoneAnswers(path)) {
    throw new ListenError(`Cannot listen on ${path}: another process does (${field}).`, null);
  }
  rmSync(path);
};

/** @throws ListenError where another user could take the socket away and put one of theirs in its place */
const assertSafePlace = (path: string, field: string): void => {
  const folder = folderOfSocket(path);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  const fault = socketFolderFault(folder, found, process.getuid?.() ?? null);
  if (fault === null) return;
  throw new ListenError(
    `Cannot listen on ${path}: ${fault.message}. Expected is ${fault.cure} (${field}).`,
    null,
  );
};

/** Opens a Unix socket that only the owner and the group (the front) may use: mode 0660. */
export const listenSocket = async (
  server: Server,
  path: string,
  field = 'listen.federation.socket',
): Promise<void> => {
  assertSafePlace(path, field);
  await clearStaleSocket(path, field);
  const before = process.umask(0o117);
  try {
    await opened(server, () => server.listen({ path, backlog: LISTEN_BACKLOG }));
  } catch (error) {
    const reason = reasonOf(socketError(error), error);
    throw new ListenError(`Cannot listen on ${path}: ${reason} (${field}).`, error);
  } finally {
    process.umask(before);
  }
  chmodSync(path, 0o660);
};
