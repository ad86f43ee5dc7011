import { protocol } from '@electric-sql/pglite';
import { DatabaseFault } from './errors.ts';
import type { Param } from './driver.ts';
import { parserOf, type Parse } from './values.ts';

/** The part of the Postgres wire protocol that PGlite is spoken to in: https://www.postgresql.org/docs/current/protocol-message-formats.html */
export interface Column {
  readonly name: string;
  readonly parse: Parse | undefined;
}

export interface Answer {
  /** null when the answer brought no description (a statement described before, or without rows). */
  readonly columns: readonly Column[] | null;
  /** The data rows' bytes, each at its number of columns. */
  readonly rows: readonly number[];
  /** First word of the command tag. */
  readonly command: string;
  readonly fault: DatabaseFault | null;
}

const { serialize } = protocol;
/** A text may begin with U+FEFF, which a decoder takes for a mark of the encoding unless it is told. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const PARSE_ERROR = 0x45,
  ROW_DESCRIPTION = 0x54,
  DATA_ROW = 0x44,
  COMMAND_COMPLETE = 0x43;

export const joinBytes = (parts: readonly Uint8Array[]): Uint8Array => {
  if (parts.length === 1 && parts[0] !== undefined) return parts[0];
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

const text = (param: Param): string | null =>
  param === null ? null : typeof param === 'boolean' ? (param ? 't' : 'f') : String(param);

const EXECUTE = joinBytes([serialize.execute({}), serialize.sync()]);
const DESCRIBE_PORTAL = serialize.describe({ type: 'P', name: '' });

/** Parse under a name and describe once, then bind and execute, all in one message. */
export const prepareAndRun = (name: string, sql: string, params: readonly Param[]): Uint8Array =>
  joinBytes([
    serialize.parse({ name, text: sql, types: [] }),
    serialize.bind({ statement: name, values: params.map(text) }),
    DESCRIBE_PORTAL,
    EXECUTE,
  ]);

/** Bind and execute a statement prepared before. */
export const runPrepared = (name: string, params: readonly Param[]): Uint8Array =>
  joinBytes([serialize.bind({ statement: name, values: params.map(text) }), EXECUTE]);

export const simpleQuery = (sql: string): Uint8Array => serialize.query(sql);

const endOfText = (bytes: Uint8Array, from: number): number => bytes.indexOf(0, from);

const readColumns = (bytes: Uint8Array, view: DataView, at: number): Column[] => {
  const columns: Column[] = [];
  let next = at + 2;
  for (let count = view.getInt16(at); count > 0; count -= 1) {
    const end = endOfText(bytes, next);
    columns.push({ name: utf8.decode(bytes.subarray(next, end)), parse: parserOf(view.getInt32(end + 7)) });
    next = end + 19;
  }
  return columns;
};

const readFault = (bytes: Uint8Array, at: number): DatabaseFault => {
  const fields = new Map<string, string>();
  for (let next = at; bytes[next] !== 0 && next < bytes.length;) {
    const end = endOfText(bytes, next + 1);
    fields.set(String.fromCharCode(bytes[next] ?? 0), utf8.decode(bytes.subarray(next + 1, end)));
    next = end + 1;
  }
  return new DatabaseFault(fields.get('C') ?? 'XX000', fields.get('M') ?? 'no message', fields.get('n'));
};

/** Walks an answer; rows are only located, to be decoded by who needs them. */
export const readAnswer = (bytes: Uint8Array): Answer => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows: number[] = [];
  let columns: Column[] | null = null;
  let command = '';
  let fault: DatabaseFault | null = null;
  for (let at = 0; at + 5 <= bytes.length; at += 1 + view.getInt32(at + 1)) {
    switch (bytes[at]) {
      case DATA_ROW:
        rows.push(at + 5);
        break;
      case ROW_DESCRIPTION:
        columns = readColumns(bytes, view, at + 5);
        break;
      case COMMAND_COMPLETE:
        command = utf8.decode(bytes.subarray(at + 5, endOfText(bytes, at + 5))).split(' ')[0] ?? '';
        break;
      case PARSE_ERROR:
        fault ??= readFault(bytes, at + 5);
        break;
      default:
    }
  }
  return { columns, rows, command, fault };
};

const cell = (bytes: Uint8Array, at: number, length: number, parse: Parse | undefined): unknown => {
  const value = utf8.decode(bytes.subarray(at, at + length));
  return parse === undefined ? value : parse(value);
};

/** Rows as arrays, in column order. */
export const decodeValues = (
  bytes: Uint8Array,
  rows: readonly number[],
  columns: readonly Column[],
): unknown[][] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return rows.map((row) => {
    let at = row + 2;
    return columns.map(({ parse }) => {
      const length = view.getInt32(at);
      const value = length < 0 ? null : cell(bytes, at + 4, length, parse);
      at += 4 + Math.max(length, 0);
      return value;
    });
  });
};

/** Rows as objects by column name. The caller's statement decides what `Row` is. */
export const decodeObjects = <Row>(
  bytes: Uint8Array,
  rows: readonly number[],
  columns: readonly Column[],
): Row[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return rows.map((row) => {
    const object: Record<string, unknown> = {};
    let at = row + 2;
    for (const { name, parse } of columns) {
      const length = view.getInt32(at);
      object[name] = length < 0 ? null : cell(bytes, at + 4, length, parse);
      at += 4 + Math.max(length, 0);
    }
    return object as Row;
  });
};
