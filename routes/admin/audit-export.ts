import type { AuditEntry } from '../../domain/audit/entry.ts';
import type { HeldWork } from '../../domain/ports/work.ts';
import { ENTRY_FIELDS, showEntry } from './audit-shapes.ts';

export const EXPORT_TYPES = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8' } as const;
export type ExportFormat = keyof typeof EXPORT_TYPES;

/** Upper bound of what a page of an export takes, in bytes. */
export const EXPORT_BYTES = 1024 * 1024;

const encoder = new TextEncoder();

/**
 * One field by RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV
 * injection): some texts of the log come from peers.
 */
const field = (value: string | number | null): string => {
  if (value === null) return '';
  const text = String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const csvLine = (entry: AuditEntry): string => {
  const shown = showEntry(entry);
  return `${ENTRY_FIELDS.map((name) => field(shown[name])).join(',')}\r\n`;
};

const lineOf = (format: ExportFormat, entry: AuditEntry): string =>
  format === 'csv' ? csvLine(entry) : `${JSON.stringify(showEntry(entry))}\n`;

/**
 * Entries as lines, page by page as they are read away: nothing but one page is ever in memory.
 *
 * @param turn waits until the next page may be read
 */
export const exportStream = (
  format: ExportFormat,
  pages: AsyncIterator<readonly AuditEntry[]>,
  turn: () => Promise<Pick<HeldWork, 'release'>>,
): ReadableStream<Uint8Array> => {
  let isFirst = true;
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (isFirst && format === 'csv') controller.enqueue(encoder.encode(`${ENTRY_FIELDS.join(',')}\r\n`));
      isFirst = false;
      const held = await turn();
      try {
        const next: IteratorResult<readonly AuditEntry[], unknown> = await pages.next();
        if (next.done === true) return controller.close();
        controller.enqueue(encoder.encode(next.value.map((entry) => lineOf(format, entry)).join('')));
      } finally {
        held.release();
      }
    },
    cancel: async () => {
      await pages.return?.();
    },
  });
};
