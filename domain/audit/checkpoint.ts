import { fromHex, toHex, type Hash } from './chain.ts';

/**
 * A signed statement that a chain is committed up to an entry. One signature covers the chains of many grants at once: it is
 * over the root of a Merkle tree (RFC 6962 section 2.1: leaves and nodes hashed apart), and each grant is given its path.
 */
export interface Checkpoint {
  readonly writerId: string;
  readonly seq: number;
  /** Hexadecimal. */
  readonly head: string;
  /** When it was signed. */
  readonly at: Date;
  /** From the leaf up: `l` or `r`, the side the neighbour stands on, and its hash in hexadecimal. */
  readonly path: readonly string[];
  /** Raw P-256 signature, hexadecimal. */
  readonly signature: string;
}

export type Covered = Pick<Checkpoint, 'writerId' | 'seq' | 'head'>;

/** Deeper trees than of 65,536 chains are not made, and not read. */
export const MAX_CHAINS = 65_536;
/** Longest text of a checkpoint. */
export const MAX_CHECKPOINT_LENGTH = 1_536;

const encoder = new TextEncoder();

const prefixed = (prefix: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(1 + parts.reduce((sum, { length }) => sum + length, 0));
  bytes[0] = prefix;
  let at = 1;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

const leafFor = (hash: Hash, grantId: string, { writerId, seq, head }: Covered): Uint8Array =>
  hash(prefixed(0, encoder.encode([writerId, grantId, seq, head].join('\n'))));
const nodeFor = (hash: Hash, left: Uint8Array, right: Uint8Array): Uint8Array =>
  hash(prefixed(1, left, right));

/** What is signed: root and time. */
export const signedText = (writerId: string, at: Date, root: Uint8Array): string =>
  ['mosaic-audit-checkpoint/1', writerId, at.getTime(), toHex(root)].join('\n');

/** The root over chains, and the path of each in the same order. @param chains at least one, at most `MAX_CHAINS` */
export const growTree = (
  hash: Hash,
  chains: readonly (readonly [grantId: string, covered: Covered])[],
): { readonly root: Uint8Array; readonly paths: readonly (readonly string[])[] } => {
  const paths: string[][] = chains.map(() => []);
  let level = chains.map(([grantId, covered], index) => ({
    node: leafFor(hash, grantId, covered),
    below: [index],
  }));
  while (level.length > 1) {
    const above: typeof level = [];
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = [level[at], level[at + 1]];
      if (left === undefined) break;
      if (right === undefined) {
        above.push(left);
        break;
      }
      for (const index of left.below) paths[index]?.push(`r${toHex(right.node)}`);
      for (const index of right.below) paths[index]?.push(`l${toHex(left.node)}`);
      above.push({ node: nodeFor(hash, left.node, right.node), below: [...left.below, ...right.below] });
    }
    level = above;
  }
  return { root: level[0]?.node ?? new Uint8Array(), paths };
};

/** The root that a checkpoint's path leads to: what its signature must be over. */
export const rootOf = (hash: Hash, grantId: string, checkpoint: Checkpoint): Uint8Array => {
  let node = leafFor(hash, grantId, checkpoint);
  for (const step of checkpoint.path) {
    const beside = fromHex(step.slice(1));
    node = step.startsWith('l') ? nodeFor(hash, beside, node) : nodeFor(hash, node, beside);
  }
  return node;
};

/** The form it takes in a header and in the database. */
export const writeCheckpoint = ({ writerId, seq, head, at, path, signature }: Checkpoint): string =>
  ['1', writerId, seq, head, at.getTime(), path.join(','), signature].join(';');

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const FORM = new RegExp(
  `^1;(${UUID});([1-9][0-9]{0,14});([0-9a-f]{64});([0-9]{1,14});((?:[lr][0-9a-f]{64}(?:,(?=[lr]))?){0,16});([0-9a-f]{128})$`,
);

/** Reads what `writeCheckpoint` wrote; null for anything else. Nothing is verified. */
export const readCheckpoint = (text: string): Checkpoint | null => {
  const [, writerId, seq, head, at, path, signature] =
    text.length > MAX_CHECKPOINT_LENGTH ? [] : (FORM.exec(text) ?? []);
  if (writerId === undefined || head === undefined || path === undefined || signature === undefined)
    return null;
  return {
    writerId,
    seq: Number(seq),
    head,
    at: new Date(Number(at)),
    path: path === '' ? [] : path.split(','),
    signature,
  };
};

/** Where a chain stood when an answer was made. */
export interface Place {
  readonly writerId: string;
  readonly seq: number;
  readonly head: string;
  /** Up to which entry all are in the database, or accounted for as dropped. */
  readonly durableSeq: number;
}

export const writePlace = ({ writerId, seq, head, durableSeq }: Place): string =>
  `1;${writerId};${seq};${head};${durableSeq}`;

const PLACE = new RegExp(`^1;(${UUID});([1-9][0-9]{0,14});([0-9a-f]{64});(0|[1-9][0-9]{0,14})$`);

/** Reads what `writePlace` wrote; null for anything else. */
export const readPlace = (text: string): Place | null => {
  const [, writerId, seq, head, durableSeq] = PLACE.exec(text) ?? [];
  if (writerId === undefined || head === undefined) return null;
  return { writerId, seq: Number(seq), head, durableSeq: Number(durableSeq) };
};

/** On every answer where a grant is known: `Place`. */
export const PLACE_HEADER = 'mosaic-audit';
/** On the same answers: the newest checkpoint of that chain. */
export const CHECKPOINT_HEADER = 'mosaic-audit-checkpoint';
/** On requests: the newest checkpoint the asking side holds. */
export const SEEN_HEADER = 'mosaic-audit-seen';
