import { pino, type DestinationStream } from 'pino';
import type { Log, LogFields } from '../../../../domain/ports/basics.ts';
import { withCure } from '../../../../domain/status/alert-texts.ts';
import type { LogLevel } from '../../../config/config.ts';
import { cleanFields, printableJson, redact } from '../../common/redact.ts';

export interface LogOptions {
  readonly level: LogLevel;
  readonly gateway: string;
  /** Default: stderr, so that stdout stays the program's. */
  readonly destination?: DestinationStream;
}

/** Structured log as JSON lines, every text redacted (ABUSE 48). */
export const createLog = ({ level, gateway, destination }: LogOptions): Log => {
  const logger = pino(
    {
      level,
      base: { gateway },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
      hooks: { streamWrite: printableJson },
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
  const write = (at: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    if (!logger.isLevelEnabled(at)) return;
    if (fields === undefined) logger[at](redact(message));
    else logger[at](cleanFields(withCure(fields)), redact(message));
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
};
