/** One service that keeps a gateway from starting: which, where, what is wrong, what to do. Holds no secret. */
export interface BootFault {
  readonly service: 'Postgres' | 'Valkey' | 'Upstash' | 'step-ca' | 'front';
  /** `host:port`, or a path. */
  readonly where: string;
  readonly message: string;
  readonly remedy: string;
}

const line = ({ service, where, message, remedy }: BootFault): string =>
  `  ${service} at ${where}: ${message}. What to do: ${remedy}.`;

/** The gateway cannot start. The message names every service that is missing, with host and port (SPEC M1-2). */
export class BootError extends Error {
  readonly faults: readonly BootFault[];

  constructor(faults: readonly BootFault[]) {
    super(['The gateway cannot start:', ...faults.map(line)].join('\n'));
    this.name = 'BootError';
    this.faults = faults;
  }
}

/** How long any one service may take at a start. Several are asked at once. */
const CHECK_MS = 4_500;

export class LateError extends Error {
  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds} ms`);
    this.name = 'LateError';
  }
}

/**
 * Bounds an opening. What opens too late after all is closed again.
 * @throws LateError
 */
export const within = async <T>(
  work: Promise<T>,
  closeLate: (opened: T) => unknown = () => undefined,
  milliseconds = CHECK_MS,
): Promise<T> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLate = false;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new LateError(milliseconds));
    }, milliseconds);
  });
  const closeIfLate = (opened: T): unknown => (isLate ? closeLate(opened) : undefined);
  work.then(closeIfLate).catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};
