import { describe, expect, it } from 'vitest';
import { readCertificate } from '../../../ca/x509/certificate.ts';
import { openCrl } from '../../../ca/x509/crl-read.ts';
import { readCsr } from '../../../ca/x509/csr.ts';
import { DerError } from '../../../ca/x509/der-walk.ts';
import { elements } from '../../../ca/x509/der.ts';
import { splitPem } from '../../../ca/x509/pem.ts';
import { memberFault } from '../../../domain/json.ts';
import { openCursor } from '../../../domain/paging/cursor.ts';
import { readTraceparent } from '../../../domain/telemetry/traceparent.ts';
import { openStatement, type RevocationStatement } from '../../../src/protocol/statement.ts';
import { certificateTarget, derTarget, listTarget, pemTarget, requestTarget } from './der-targets.ts';
import { faultOf, type Target } from './fuzz.ts';
import { cursorTarget, headerTarget, jsonTarget, statementTarget, traceTarget } from './text-targets.ts';

/** The same inputs each time: what finds a planted fault once finds it always. */
const EFFORT = { small: 20_000, large: 50, seed: 1 };
const REVOKED: RevocationStatement = { grant_id: '1', certificate_serial: '1', revoked_at: '' };

/** Takes lengths in more octets than they need, as BER does. */
const berElements: typeof elements = (bytes) => {
  const wide = bytes.findIndex((octet, at) => octet === 0x81 && (bytes[at + 1] ?? 0xff) < 0x80);
  if (wide !== 1) return elements(bytes);
  const narrow = Uint8Array.of(...bytes.subarray(0, 1), ...bytes.subarray(2));
  return elements(narrow);
};

/** Fails in a way of its own where a length ends outside. */
const throwingElements: typeof elements = (bytes) => {
  try {
    return elements(bytes);
  } catch (error) {
    if (error instanceof DerError && error.message.includes('early'))
      throw new RangeError('offset is out of bounds');
    throw error;
  }
};

/** Looks at all that went before for each element, for two seconds of this process's own: on a busy machine that is longer. */
const quadraticElements: typeof elements = (bytes) => {
  if (bytes.length < 256 * 1_024) return elements(bytes);
  let work = 0;
  const began = process.cpuUsage();
  for (let at = 0; at + 1 < bytes.length && process.cpuUsage(began).user < 2_000_000; at += 2)
    for (let before = 0; before < at; before += 2) work += bytes[before] ?? 0;
  return work < 0 ? [] : elements(bytes);
};

const trailingCertificate: typeof readCertificate = (der) => {
  const read = readCertificate(der);
  if (read.ok || der.length < 8 || der[0] !== 0x30 || der[1] !== 0x82) return read;
  return readCertificate(der.subarray(0, 4 + (der[2] ?? 0) * 256 + (der[3] ?? 0)));
};

/** Reads what follows a request, too. */
const trailingRequest: typeof readCsr = async (input) => {
  const read = await readCsr(input);
  if (read.ok || !(input instanceof Uint8Array) || input[0] !== 0x30 || input[1] !== 0x82) return read;
  return readCsr(input.subarray(0, 4 + (input[2] ?? 0) * 256 + (input[3] ?? 0)));
};

/** Takes a hold for final. */
const finalHold: typeof openCrl = async (der, issuer) => {
  const list = await openCrl(der, issuer);
  return list.ok ? { ok: true, value: { ...list.value, revokedAmong: (serials) => new Set(serials) } } : list;
};

/** Passes over what it does not know. */
const carelessList: typeof openCrl = async (der, issuer) => {
  const list = await openCrl(der, issuer);
  if (list.ok || list.error !== 'not_supported') return list;
  const none = { issuer: der, number: null, thisUpdate: new Date(), nextUpdate: null };
  return { ok: true, value: { ...none, revokedAmong: () => new Set<string>(), revokes: () => false } };
};

/** Does not mind bits that base64 drops. */
const looseHeader = (value: string): Uint8Array | null => {
  const base64 = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(value)?.[1];
  try {
    return base64 === undefined ? null : Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
};

const loosePem: typeof splitPem = (text, most) => {
  const strict = splitPem(text, most);
  if (strict.ok) return strict;
  // With headers of a block, and text around it, as OpenSSL reads it.
  return splitPem(text.replaceAll(/^(?!-----)[^A-Za-z0-9+/=\n][^\n]*\n/gm, ''), most);
};

const literalNames: typeof memberFault = (text, most) => memberFault(text.replaceAll('\\u', '\\\\u'), most);

const unsigned: typeof openStatement = async (key, jws) =>
  jws.split('.').length === 3 && jws.length < 2_048 ? ((await openStatement(key, jws)) ?? REVOKED) : null;

/** Compares the first bytes of the tag alone. */
const shortTag: Parameters<typeof cursorTarget>[0] = (text, mac) => {
  const binding = { holder: 'user:1', resource: 'notes', filters: '' };
  const bytes = /^[A-Za-z0-9_-]{40,}$/.test(text) ? Buffer.from(text, 'base64url') : null;
  if (bytes === null) return false;
  const payload = bytes.subarray(16).toString();
  const tag = Buffer.from(
    mac(Buffer.from(JSON.stringify(['mosaic-cursor-1', 'user:1', 'notes', '', payload]))),
  );
  return openCursor(mac, binding, text) !== null || tag.subarray(0, 8).equals(bytes.subarray(0, 8));
};

const zeroTrace: typeof readTraceparent = (header) => {
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(header ?? '') ?? [];
  return readTraceparent(header) ?? (traceId && spanId ? { traceId, spanId, isSampled: false } : null);
};

/** Each target with a reader that is wrong on purpose, and what the harness says of it. */
const PLANTED: readonly (readonly [string, () => Promise<Target> | Target, RegExp])[] = [
  ['DER: takes BER', () => derTarget(berElements), /not DER/],
  ['DER: an exception of its own', () => derTarget(throwingElements), /out of bounds/],
  ['DER: quadratic', () => derTarget(quadraticElements), /it took \d+ ms/],
  ['certificate: takes what follows it', () => certificateTarget(trailingCertificate), /OpenSSL read less/],
  ['request: takes what follows it', () => requestTarget(trailingRequest), /did not sign/],
  ['list: a hold is final', () => listTarget(finalHold), /another word/],
  ['list: unknown extensions', () => listTarget(carelessList), /unknown critical|another word/],
  ['PEM: text around blocks', () => pemTarget(loosePem), /another way/],
  ['JSON: escapes in names', () => jsonTarget(literalNames), /twice/],
  ['statement: not signed', () => statementTarget(unsigned), /nobody signed/],
  ['header: loose base64', () => headerTarget(looseHeader), /another way/],
  ['cursor: half a tag', () => cursorTarget(shortTag), /nobody made/],
  ['traceparent: zeros', () => traceTarget(zeroTrace), /another trace/],
];

describe('F-1 the fuzzer finds a fault that was planted', () => {
  it.each(PLANTED)('%s', async (_name, make, said) => {
    const fault = await faultOf(await make(), EFFORT);
    expect(fault).toMatch(said);
    // What is needed to see it again.
    expect(fault).toMatch(/seed: -?\d+, path: "/);
  });
});
