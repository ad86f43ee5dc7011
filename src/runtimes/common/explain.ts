import { MosaicError } from '../../../domain/errors.ts';
import { systemSentence } from '../../../domain/system-errors.ts';
import { ConfigError } from '../../config/issues.ts';
import { redact } from './redact.ts';

/** Exit codes as sysexits(3) has them, so that a supervisor can tell what will not heal by itself. */
export const EXIT = { configuration: 78, unavailable: 69, software: 70 } as const;

export interface Explained {
  readonly message: string;
  readonly exitCode: number;
}

const MAX_CAUSES = 4;

/** The chain of causes, redacted: on the way to an operator's eyes, and to no client's. */
const causes = (error: Error, depth = 0): string => {
  const { cause } = error;
  if (!(cause instanceof Error) || depth >= MAX_CAUSES) return '';
  const text = cause.message === '' && 'code' in cause ? String(cause.code) : cause.message;
  return ` (${redact(text)}${causes(cause, depth + 1)})`;
};

/** What an operator reads when a start fails, and the process's exit code. */
export const explainStartFailure = (error: unknown): Explained => {
  if (error instanceof ConfigError) return { message: error.message, exitCode: EXIT.configuration };
  if (error instanceof MosaicError) {
    return {
      message: `The gateway cannot start: ${error.message}${causes(error)}`,
      exitCode: EXIT.unavailable,
    };
  }
  const system = systemSentence(error);
  if (system !== null) return { message: `The gateway cannot start: ${system}`, exitCode: EXIT.unavailable };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message: `The gateway failed: ${redact(text)}`, exitCode: EXIT.software };
};
