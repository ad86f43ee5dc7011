import type { Log, LogFields } from '../../../domain/ports/basics.ts';
import { withCure } from '../../../domain/status/alert-texts.ts';
import type { LogLevel } from '../../config/config.ts';
import { cleanFields, printableJson, redact } from './redact.ts';

const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** The one way out that every runtime has, to where its operator reads logs. */
export const writeLogLine = (line: string): void => {
  // oxlint-disable-next-line no-console -- on Workers there is nothing else
  console.error(line);
};

/** JSON lines by `console.error`, for runtimes where pino does not run; redacted like on Node. */
export const createJsonLog = (level: LogLevel, gateway: string): Log => {
  const least = ORDER.indexOf(level);
  const write =
    (at: Exclude<LogLevel, 'silent'>) =>
    (message: string, fields: LogFields = {}) => {
      if (ORDER.indexOf(at) < least) return;
      const time = new Date().toISOString();
      writeLogLine(
        printableJson(
          JSON.stringify({
            level: at,
            time,
            gateway,
            ...cleanFields(withCure(fields)),
            message: redact(message),
          }),
        ),
      );
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
};
