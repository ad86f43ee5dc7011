/*
 * Makes inputs of real files. All of it is decided by small numbers, which fast-check draws and shrinks: to draw each byte of
 * 20,000 inputs would take longer than to read them.
 */

/** One change: what to do, where, and with what. Each number is taken modulo what there is. */
export type Op = readonly [kind: number, at: number, value: number, length: number];

export interface Material {
  readonly files: readonly Uint8Array[];
  /** Fragments that mean something to the reader. */
  readonly words: readonly Uint8Array[];
  /** Whether files are DER, so that elements can be changed with the lengths around them. */
  readonly isDer: boolean;
}

const pick = <T>(list: readonly T[], index: number): T => {
  const item = list[index % list.length];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
};

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

/** `bytes` with those from `at` to `to` replaced. */
const splice = (bytes: Uint8Array, at: number, to: number, middle: Uint8Array): Uint8Array =>
  concat(bytes.subarray(0, at), middle, bytes.subarray(Math.min(to, bytes.length)));

interface Node {
  readonly tag: number;
  /** Elements within, or the content of one that has none. */
  content: Uint8Array | Node[];
}

const MAX_TREE_DEPTH = 12;

/** Elements of well-formed DER; null for bytes that are not. Octet strings are looked into. */
const parseTree = (bytes: Uint8Array, depth = 0): Node[] | null => {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length;) {
    const [tag = 0, first = 0] = bytes.subarray(at, at + 2);
    const octets = first < 0x80 ? 0 : first & 0x7f;
    if (at + 2 + octets > bytes.length || octets > 3 || first === 0x80) return null;
    let length = first < 0x80 ? first : 0;
    for (const octet of bytes.subarray(at + 2, at + 2 + octets)) length = length * 256 + octet;
    const from = at + 2 + octets;
    if (from + length > bytes.length) return null;
    const content = bytes.subarray(from, from + length);
    const inside =
      (tag & 0x20) !== 0 || tag === 0x04
        ? depth < MAX_TREE_DEPTH && content.length > 0
          ? parseTree(content, depth + 1)
          : null
        : null;
    nodes.push({ tag, content: inside ?? content });
    at = from + length;
  }
  return nodes;
};

const lengthOctets = (length: number): readonly number[] => {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x1_0000) return [0x82, length >> 8, length & 255];
  return [0x83, length >> 16, (length >> 8) & 255, length & 255];
};

export const encodeNode = ({ tag, content }: Node): Uint8Array => {
  const inside = content instanceof Uint8Array ? content : concat(...content.map(encodeNode));
  return concat(Uint8Array.of(tag, ...lengthOctets(inside.length)), inside);
};

const listsOf = (nodes: Node[], found: Node[][] = []): readonly Node[][] => {
  if (nodes.length > 0) found.push(nodes);
  for (const { content } of nodes) if (!(content instanceof Uint8Array)) listsOf(content, found);
  return found;
};

const TAGS = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x17, 0x18, 0x30, 0x31, 0x80, 0xa0, 0xa3];

/** Changes one element and every length around it. */
const changeElement = (bytes: Uint8Array, [, at, value, length]: Op, { words }: Material): Uint8Array => {
  const tree = parseTree(bytes);
  if (tree === null || tree.length === 0) return bytes;
  const list = pick(listsOf(tree), at);
  const index = (at >> 4) % list.length;
  const node = pick(list, index);
  switch (value % 8) {
    case 0:
      list.splice(index, 1);
      break;
    case 1:
      list.splice(index, 0, ...Array.from({ length: 1 + (length % 5) }, () => node));
      break;
    case 2:
      list[index] = { tag: pick(TAGS, length), content: node.content };
      break;
    case 3:
      list[index] = { tag: 0x30, content: [node] };
      break;
    case 4:
      node.content = new Uint8Array(length).fill(at & 255);
      break;
    case 5:
      node.content = pick(words, length);
      break;
    case 6:
      list.splice(index, 1, ...list.splice((index + 1) % list.length, 1), node);
      break;
    default:
      node.content =
        node.content instanceof Uint8Array
          ? node.content.map((octet, place) =>
              place === length % node.content.length ? octet ^ (at & 255) : octet,
            )
          : node.content.toReversed();
  }
  return concat(...tree.map(encodeNode));
};

const apply = (bytes: Uint8Array, op: Op, material: Material): Uint8Array => {
  const [kind, where, value, length] = op;
  const at = bytes.length === 0 ? 0 : where % bytes.length;
  switch (kind % (material.isDer ? 14 : 9)) {
    case 0:
      return bytes.map((byte, index) => (index === at ? byte ^ (1 << (value % 8)) : byte));
    case 1:
      return bytes.map((byte, index) => (index === at ? value : byte));
    case 2:
      return splice(bytes, at, at, new Uint8Array(length).fill(value));
    case 3:
      return splice(bytes, at, at + length, new Uint8Array());
    case 4:
      return splice(bytes, at, at, bytes.subarray(at, at + length));
    case 5:
      return bytes.slice(0, at);
    case 6:
      return splice(bytes, at, at, pick(material.words, value));
    case 7:
      return splice(bytes, at, at + length, pick(material.files, value).subarray(at, at + length));
    case 8:
      return splice(bytes, at, at + pick(material.words, value).length, pick(material.words, value));
    default:
      return changeElement(bytes, op, material);
  }
};

export interface Plan {
  readonly file: number;
  readonly ops: readonly Op[];
}

/** @param most octets */
export const small = (material: Material, { file, ops }: Plan, most: number): Uint8Array => {
  let bytes = pick(material.files, file);
  for (const op of ops) bytes = apply(bytes, op, material);
  return bytes.length > most ? bytes.slice(0, most) : bytes;
};

export interface LargePlan extends Plan {
  /** Octets. */
  readonly size: number;
  readonly shape: number;
  readonly value: number;
}

const filled = (size: number, pattern: Uint8Array): Uint8Array => {
  const all = new Uint8Array(size);
  all.set(pattern.subarray(0, size));
  for (let done = pattern.length; done < size; done *= 2)
    all.copyWithin(done, 0, Math.min(done, size - done));
  return all;
};

/** An element of this tag around `content`, with a length that is right. */
export const around = (tag: number, content: Uint8Array): Uint8Array =>
  encodeNode({ tag, content: content.subarray(0, 0xff_fff0) });

/** Up to some megabytes: a word or a changed file again and again, alone, within elements, or in the middle of a file. */
export const large = (material: Material, plan: LargePlan): Uint8Array => {
  const { size, shape, value } = plan;
  const changed = small(material, plan, 4_096);
  const pattern = shape % 2 === 0 ? pick(material.words, value) : changed;
  const body = filled(size, pattern.length === 0 ? Uint8Array.of(value) : pattern);
  switch (shape % 5) {
    case 0:
      return body;
    case 1:
      return material.isDer ? around(0x30, body) : concat(changed, body);
    case 2:
      return material.isDer ? around(0x30, around(0x30, body)) : concat(changed.subarray(0, value), body);
    case 3:
      return splice(changed, value % (changed.length + 1), value, body);
    default:
      return material.isDer ? around(0x30, around(0x30, around(pick(TAGS, value), body))) : body;
  }
};
