/** What a person is told of an error of the operating system: what is wrong, and what to do about it. No full stops. */
export interface SystemError {
  readonly what: string;
  readonly cure: string;
}

const SPACE = 'Free space, or name a path on another disk';
const RIGHTS = 'Run as the user that owns it, or name another path';

/** Errors of files and folders. The words fit behind the path. */
const FILE_ERRORS: Readonly<Record<string, SystemError>> = {
  EACCES: { what: 'this user may not use it', cure: RIGHTS },
  EPERM: {
    what: 'the operating system does not permit it',
    cure: 'Look at its owner, its attributes (lsattr) and the sandbox of the service, or name another path',
  },
  ENOENT: { what: 'it does not exist and cannot be created there', cure: 'Correct the path' },
  EEXIST: {
    what: 'something else has that name already',
    cure: 'Name another path, or remove what is there',
  },
  ENOTDIR: { what: 'a part of the path is a file and not a folder', cure: 'Correct the path' },
  EISDIR: { what: 'it is a folder and not a file', cure: 'Name a file' },
  ENOTEMPTY: { what: 'the folder is not empty', cure: 'Name an empty folder' },
  EROFS: { what: 'the file system is read-only', cure: 'Name a path that can be written' },
  ENOSPC: { what: 'the disk is full', cure: SPACE },
  EDQUOT: { what: 'the disk quota of this user is used up', cure: SPACE },
  EFBIG: {
    what: 'it is larger than such a file can be',
    cure: 'Check whether the path names the right file',
  },
  ELOOP: { what: 'its symbolic links lead in a circle', cure: 'Correct the links' },
  ENAMETOOLONG: { what: 'the path or a name in it is too long', cure: 'Name a shorter path' },
  EMFILE: { what: 'this process has too many files open', cure: 'Raise its limit (ulimit -n, LimitNOFILE)' },
  ENFILE: { what: 'this machine has too many files open', cure: 'Raise fs.file-max, or end other programs' },
  EBUSY: { what: 'another program uses it', cure: 'End that program, or name another path' },
  ETXTBSY: { what: 'it is a program that runs', cure: 'Name another path' },
  EIO: { what: 'the disk reports a fault', cure: 'Look at the log of the kernel (dmesg) and at the disk' },
  EINVAL: {
    what: 'the file system refuses that name or that operation',
    cure: 'Name a path on an ordinary file system',
  },
  EXDEV: { what: 'it leads to another file system', cure: 'Name a path on one file system' },
  ENXIO: { what: 'it is a socket or a device that nothing serves', cure: 'Name a file' },
  ENODEV: { what: 'its device does not exist', cure: 'Name a file' },
  EOPNOTSUPP: { what: 'its file system cannot do that', cure: 'Name a path on an ordinary file system' },
  EPIPE: { what: 'its reader has gone away', cure: 'Run it again' },
  ETIMEDOUT: {
    what: 'nothing was written to it in time',
    cure: 'Make sure that something writes to this pipe, or name a file',
  },
  ENOMEM: { what: 'this machine has no memory left', cure: 'End other programs, or give it more memory' },
};

/** Errors of a listener. */
const LISTEN_ERRORS: Readonly<Record<string, SystemError>> = {
  EADDRINUSE: {
    what: 'the port is in use by another program',
    cure: 'End that program, or choose another port',
  },
  EACCES: { what: 'this user may not use that port', cure: 'Choose a port from 1024 up' },
  EADDRNOTAVAIL: { what: 'this machine has no such address', cure: 'Choose one of its own, or 0.0.0.0' },
  ENOTFOUND: { what: 'the host name does not resolve', cure: 'Use an IP address' },
  EAI_AGAIN: { what: 'the host name cannot be resolved now', cure: 'Use an IP address' },
};

/** Errors of a socket in the file system: its path may be too long or its folder missing. */
const SOCKET_ERRORS: Readonly<Record<string, SystemError>> = {
  ...FILE_ERRORS,
  EADDRINUSE: { what: 'another process has it', cure: 'End that process, or choose another path' },
  EINVAL: { what: 'the path is longer than a socket may have (107 bytes)', cure: 'Choose a shorter path' },
  ENOENT: { what: 'its folder does not exist', cure: 'Create the folder, or correct the path' },
};

/** Errors of a connection to a service. */
const CONNECTION_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'no connection in time',
  CONNECT_TIMEOUT: 'it does not answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  DEADLINE: 'it does not answer in time',
  ECONNRESET: 'it closed the connection',
  CONNECTION_CLOSED: 'it closed the connection',
  UND_ERR_SOCKET: 'it closed the connection',
  ENOENT: 'there is no such socket',
  EMFILE: 'this process has too many files open (ulimit -n, LimitNOFILE)',
};

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

const isSystem = (code: string): boolean => /^E[A-Z0-9]{2,}$/.test(code);

const unknown = (code: string): SystemError => ({
  what: `the operating system refuses it (${code})`,
  cure: 'Look up this code for your system, or name another path',
});

const lookUp = (table: Readonly<Record<string, SystemError>>, error: unknown): SystemError | null => {
  const code = codeOf(error);
  return table[code] ?? (isSystem(code) ? unknown(code) : null);
};

/** What an error of a file or folder says; null for what is no error of the operating system. */
export const fileError = (error: unknown): SystemError | null => lookUp(FILE_ERRORS, error);

/** The same for a file that is there to be read. */
export const readError = (error: unknown): SystemError | null =>
  codeOf(error) === 'ENOENT' ? { what: 'it does not exist', cure: 'Correct the path' } : fileError(error);

/** What an error of opening a TCP listener says, or null. */
export const listenError = (error: unknown): SystemError | null => lookUp(LISTEN_ERRORS, error);

/** What an error of opening a Unix socket says, or null. */
export const socketError = (error: unknown): SystemError | null => lookUp(SOCKET_ERRORS, error);

/** What an error of a connection says, by its code; undefined for a code that is not of the network. */
export const connectionError = (code: string): string | undefined => CONNECTION_ERRORS[code];

/** The path that an error of the operating system names, or null. */
export const pathOf = (error: unknown): string | null =>
  typeof error === 'object' && error !== null && 'path' in error && typeof error.path === 'string'
    ? error.path
    : null;

/** One sentence for each: `<path>: <what>. <cure>`. Null for what is no error of the operating system. */
export const systemSentence = (error: unknown): string | null => {
  const found = fileError(error);
  if (found === null) return null;
  const path = pathOf(error);
  return `${path === null ? 'A file or folder' : path} cannot be used: ${found.what}. What to do: ${found.cure}.`;
};
