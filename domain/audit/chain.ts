import type { AuditEntry } from './entry.ts';

/** SHA-256, synchronous. Injected: the rules import nothing. */
export type Hash = (bytes: Uint8Array) => Uint8Array;

/** What an entry says, before it has a place in a chain. (An id it may have already is replaced.) */
export type AuditDraft = Omit<AuditEntry, 'id' | 'writerId' | 'seq' | 'head'>;

/** An entry with its place in its chain. */
export interface Linked {
  readonly entry: AuditDraft & {
    readonly id: string;
    readonly writerId: string;
    readonly seq: number;
    readonly head: string;
  };
  readonly leaf: Uint8Array;
}

/** Bytes of a hash, of a leaf and of a head. */
export const HASH_BYTES = 32;

const encoder = new TextEncoder();

/** The text an entry's leaf is the hash of: every column but the head. A new column means a new version in front. */
const leafText = (entry: Omit<AuditEntry, 'head'>): string =>
  JSON.stringify([
    'mosaic-audit-leaf/1',
    entry.writerId,
    entry.grantId,
    entry.seq,
    entry.id,
    entry.at.toISOString(),
    entry.peerId,
    entry.subjectUserId,
    entry.actorUserId,
    entry.verb,
    entry.resource,
    entry.action,
    entry.queryHash,
    entry.outcome,
    entry.reasonCode,
    entry.status,
    entry.bytesOut,
    entry.latencyMs,
    entry.traceId,
  ]);

export const leafOf = (hash: Hash, entry: Omit<AuditEntry, 'head'>): Uint8Array =>
  hash(encoder.encode(leafText(entry)));

/** The head before a chain's first entry. Whose chain it is stands in every leaf. */
export const firstHead = (): Uint8Array => new Uint8Array(HASH_BYTES);

/** The head after one more leaf. */
export const nextHead = (hash: Hash, head: Uint8Array, leaf: Uint8Array): Uint8Array => {
  const both = new Uint8Array(HASH_BYTES * 2);
  both.set(head);
  both.set(leaf, HASH_BYTES);
  return hash(both);
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hexadecimal. */
export const toHex = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
};

/** @param text lower-case hexadecimal of even length; anything else gives what nobody's hash equals */
export const fromHex = (text: string): Uint8Array => {
  const bytes = new Uint8Array(text.length >> 1);
  for (let at = 0; at < bytes.length; at += 1)
    bytes[at] = Number.parseInt(text.slice(at * 2, at * 2 + 2), 16);
  return bytes;
};

/** A range of entries that were dropped: their leaves where they were kept, and the head after the last. */
export interface ChainGap {
  readonly writerId: string;
  readonly grantId: string | null;
  readonly fromSeq: number;
  readonly toSeq: number;
  /** Hexadecimal, 64 characters a leaf, in order; null when there were too many to keep. */
  readonly leaves: string | null;
  readonly head: string;
}

/** The text a gap's signature covers. */
export const gapText = ({ writerId, grantId, fromSeq, toSeq, leaves, head }: ChainGap): string =>
  ['mosaic-audit-gap/1', writerId, grantId ?? '-', fromSeq, toSeq, leaves ?? '-', head].join('\n');

/** The text a lost tail's signature covers. */
export const lostTailText = (writerId: string, at: Date): string =>
  ['mosaic-audit-lost-tail/1', writerId, at.toISOString()].join('\n');
