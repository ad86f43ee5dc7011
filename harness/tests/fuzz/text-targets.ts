import { createHmac } from 'node:crypto';
import { fromBase64Url } from '../../../domain/bytes.ts';
import { memberFault, parseJson, PLAIN, type JsonBounds } from '../../../domain/json.ts';
import { MAX_JSON_MEMBERS } from '../../../domain/limits.ts';
import { decodeCursor, encodeCursor, type Mac } from '../../../domain/paging/cursor.ts';
import { decodeSearchCursor, encodeSearchCursor } from '../../../domain/paging/search-cursor.ts';
import { readTraceparent, type TraceParent } from '../../../domain/telemetry/traceparent.ts';
import { derOfHeader } from '../../../routes/inbound/certificate-header.ts';
import { openStatement, readPublicJwk, signStatement } from '../../../src/protocol/statement.ts';
import { decodeBlendCursor, encodeBlendCursor } from '../../../src/outbound/query/query-cursor.ts';
import { bytesOf, certificates } from './corpus.ts';
import type { Target } from './fuzz.ts';
import type { Material } from './mutate.ts';

const material = (files: readonly string[], words: readonly string[]): Material => ({
  files: files.map(bytesOf),
  words: words.map(bytesOf),
  isDer: false,
});

/** As a server hands on what stands in a header or an address: a character for each octet. */
const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);
const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const JSON_WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '"a"',
  '"\\u0061"',
  '"a":1,',
  '"\\u0061":1,',
  '{"a":',
  '[[',
  '1e999',
  '-',
  'null',
  '\u2028',
  '{},',
  '[],',
];

const JSON_FILES = [
  '{"token":"x","csr":"y"}',
  '{"a":1,"b":{"a":1,"b":[{"a":1},{"a":2}]}}',
  '{"items":[{"id":"1","title":"a \\"quoted\\" one","tags":["x","y"]}],"next_cursor":null}',
  '{"":[],"\\u0000":{},"a\\\\":1,"a":2}',
  '[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]',
  '"\\ud83d\\ude00"',
];

const keysIn = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce<number>((sum, one) => sum + keysIn(one), 0);
  return inside + (Array.isArray(value) ? 0 : Object.keys(value).length);
};

/** Colons outside of strings: one for each member there is, whichever of two a parser keeps. */
const colonsIn = (text: string): number => text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '').split(':').length - 1;

const REQUEST: JsonBounds = { depth: 32, parts: 2_048 };
const MAX_ORACLE_LENGTH = 64 * 1024;

/** @param members for a planted fault; the same for all below */
export const jsonTarget = (members: typeof memberFault = memberFault): Target => ({
  name: 'JSON',
  material: material(JSON_FILES, JSON_WORDS),
  check: (input) => {
    const text = utf8(input);
    parseJson(text, PLAIN);
    const json = parseJson(text, REQUEST);
    // As routes do: what is too much, or no JSON, goes no further.
    const fault = json.ok ? members(text, MAX_JSON_MEMBERS) : null;
    if (!json.ok || text.length > MAX_ORACLE_LENGTH || fault?.kind === 'too_many') return;
    // A member that is given twice is one key of the value, and so are those within the one that is dropped.
    const isTwice = keysIn(json.value) !== colonsIn(text);
    if (isTwice !== (fault !== null)) throw new Error(isTwice ? 'a member twice was taken' : 'none is twice');
  },
});

const statements = async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const jwk = readPublicJwk(await crypto.subtle.exportKey('jwk', pair.publicKey));
  if (jwk === null) throw new Error('no key');
  const sign = async (text: string): Promise<Uint8Array> => {
    const signature = await crypto.subtle.sign(
      { name: 'ECDSA', hash: 'SHA-256' },
      pair.privateKey,
      bytesOf(text).slice(),
    );
    return new Uint8Array(signature);
  };
  const files = await Promise.all(
    [1, 2, 3].map((index) =>
      signStatement(
        { publicJwk: jwk, sign },
        {
          grant_id: crypto.randomUUID(),
          certificate_serial: String(index),
          revoked_at: '2026-01-01T00:00:00Z',
        },
      ),
    ),
  );
  return { jwk, files };
};

export const statementTarget = async (open: typeof openStatement = openStatement): Promise<Target> => {
  const { jwk, files } = await statements();
  return {
    name: 'signed statement',
    material: material(files, ['.', '..', 'e30', 'eyJhbGciOiJub25lIn0', '=', 'AA', '-', '_']),
    check: async (input) => {
      const text = latin1(input);
      if ((await open(jwk, text)) !== null && !files.includes(text))
        throw new Error('it took what nobody signed');
    },
  };
};

export const headerTarget = async (read: typeof derOfHeader = derOfHeader): Promise<Target> => {
  const files = (await certificates()).map((der) => `:${Buffer.from(der).toString('base64')}:`);
  return {
    name: 'certificate header',
    material: material(
      [...files, ':QQ==:', ':QUI=:', ':QUJD:'],
      [':', '=', '==', ',', ' ', ':,:', 'Q', '\n', '-', '_'],
    ),
    check: (input) => {
      const text = latin1(input);
      const der = read(text);
      if (der !== null && `:${Buffer.from(der).toString('base64')}:` !== text)
        throw new Error('it took what is written in another way');
    },
  };
};

const NOW = new Date('2026-01-01T00:00:00Z');
const mac: Mac = (message) => new Uint8Array(createHmac('sha256', 'fuzz').update(message).digest());
const BINDING = { holder: 'user:1', resource: 'notes', filters: '' };
const SEARCH = { holder: 'user:1', version: null, query: 'words', resources: null };
const BLEND = { userId: '1', resource: 'notes', sources: ['local', 'a'] };
const AT = { createdAt: '2025-12-31T23:59:59.999Z', id: '0f8fad5b-d9cb-469f-a165-70867728950e' };

/** All three kinds, as one address may get any of them. @returns whether one reader took the text */
const takesCursor = (text: string, by: Mac): boolean =>
  decodeCursor(by, BINDING, text, NOW) !== null ||
  decodeSearchCursor(by, SEARCH, text, NOW) !== null ||
  decodeBlendCursor(by, BLEND, text, NOW) !== null;

export const cursorTarget = (takes: (text: string, by: Mac) => boolean = takesCursor): Target => {
  const files = [
    encodeCursor(mac, BINDING, AT, NOW),
    encodeSearchCursor(mac, SEARCH, { ...AT, rank: 0.25, resource: 'notes' }, NOW),
    encodeBlendCursor(
      mac,
      BLEND,
      {
        position: null,
        sources: [
          { done: true, upstream: null },
          { done: false, upstream: 'x' },
        ],
      },
      NOW,
    ),
  ];
  return {
    name: 'cursor',
    material: material(files, ['A', '=', '-', '_', '+', '/', 'AAAA', '\u0000']),
    check: (input) => {
      const text = latin1(input);
      fromBase64Url(text.slice(0, 64 * 1024));
      if (takes(text, mac) && !files.includes(text)) throw new Error('it took what nobody made');
    },
  };
};

const TRACEPARENTS = [
  '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  'cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes',
  'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
];

/** W3C Trace Context, section 3.2, word for word. */
const oracleTrace = (text: string): TraceParent | null => {
  const [version = '', traceId = '', spanId = '', flags = ''] = text.split('-', 4);
  const isHex = (part: string, length: number): boolean =>
    part.length === length && part.split('').every((char) => '0123456789abcdef'.includes(char));
  if (!isHex(version, 2) || version === 'ff') return null;
  if (!isHex(traceId, 32) || !isHex(spanId, 16) || !isHex(flags, 2)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  const rest = text.slice(55);
  if (
    version === '00' ? rest !== '' : rest !== '' && (!rest.startsWith('-') || /[\n\r\u2028\u2029]/.test(rest))
  )
    return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
};

export const traceTarget = (read: typeof readTraceparent = readTraceparent): Target => ({
  name: 'traceparent',
  material: material(TRACEPARENTS, ['-', '00', 'ff', '0', 'A', '01-', ' ', '\n', '00000000']),
  check: (input) => {
    const text = latin1(input);
    if (JSON.stringify(read(text)) !== JSON.stringify(oracleTrace(text)))
      throw new Error('it reads another trace');
  },
});
