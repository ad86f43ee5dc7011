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

/**
 * What says something of a statement or of its data: bad data (22), constraints (23), cardinality (21), limits (54), an exception
 * that a trigger of ours raises (P0), a transaction that has failed already (25P02, 25P01), SQL that is not right (42), and what the
 * client refuses to send. All else says something of the database, and is `database_unavailable`: it is away, or it is not ours now.
 */
const OF_THE_STATEMENT = /^(2[123]|54|P0|42)...$|^25P0[12]$|^(UNDEFINED_VALUE|MAX_PARAMETERS_EXCEEDED)$/;

/** Of class 42: no right, or a table, column, function or role that is not there, as in a database that is not the gateway's. */
const NOT_OURS = new Set(['42501', '42P01', '42703', '42704', '42883']);

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
  if (!OF_THE_STATEMENT.test(code) || NOT_OURS.has(code))
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
