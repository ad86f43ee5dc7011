import { MosaicError } from '../../domain/errors.ts';

/** What is kept of a database error: nothing of the statement, its parameters or the rows. */
export class DatabaseFault extends Error {
  /** SQLSTATE, or the client library's own code. */
  readonly code: string;
  readonly constraint: string | undefined;

  constructor(code: string, message: string, constraint?: string) {
    // Class 22 (bad data) and 23 (constraints) quote values in their messages.
    super(/^2[23]/.test(code) ? `database error ${code}` : `database error ${code}: ${message}`);
    this.name = 'DatabaseFault';
    this.code = code;
    this.constraint = constraint;
  }
}

const UNREACHABLE = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'DEADLINE',
  'QUEUE_FULL',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/** 08 connection, 53 resources, 57 operator or timeout, 58 system, 40 serialization and deadlock, 55P03 lock timeout. */
const TEMPORARY = /^(08|53|57|58|40)|^55P03$/;

const field = (error: object, name: string): string | undefined => {
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
};

/** Turns whatever a client library threw into the product's error. */
export const toMosaicError = (error: unknown): MosaicError => {
  if (error instanceof MosaicError) return error;
  if (typeof error !== 'object' || error === null) return new MosaicError('internal', { cause: error });
  const code = field(error, 'code');
  if (code === undefined) return new MosaicError('internal', { cause: error });
  const constraint = field(error, 'constraint') ?? field(error, 'constraint_name');
  const cause =
    error instanceof DatabaseFault
      ? error
      : new DatabaseFault(code, field(error, 'message') ?? 'no message', constraint);
  if (UNREACHABLE.has(code) || TEMPORARY.test(code))
    return new MosaicError('database_unavailable', { cause });
  if (code === '23505') {
    return new MosaicError('conflict', {
      cause,
      ...(constraint?.endsWith('name_key') === true ? { detail: 'The name is taken.' } : {}),
    });
  }
  if (code === '23503') {
    return new MosaicError('conflict', {
      cause,
      detail: 'Something this refers to does not exist any more.',
    });
  }
  return new MosaicError('internal', { cause });
};

/** Whether an error says that a constraint of that name was broken. */
export const brokeConstraint = (error: unknown, constraint: string): boolean =>
  error instanceof MosaicError &&
  error.cause instanceof DatabaseFault &&
  error.cause.constraint === constraint;
