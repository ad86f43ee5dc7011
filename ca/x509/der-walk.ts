/** What is not DER, or more of it than this product reads. */
export class DerError extends Error {}

/** Class, constructed bit and number of a tag that holds other elements. */
const CONSTRUCTED = 0x20;
const OID_TAG = 0x06;

/** Longest OBJECT IDENTIFIER that is read, in octets: none that is in use has more than about 20. */
export const MAX_OID_OCTETS = 64;

/**
 * Steps over the DER elements (X.690 section 10) of a range of bytes, one after the other, by their headers alone: definite
 * minimal lengths of at most four octets, one-byte tags, nothing that ends outside the range. A step allocates nothing and
 * touches no content, so whatever an element claims to be, it costs the same.
 *
 * @example
 * const walk = new DerWalk(bytes);
 * while (walk.next()) use(walk.tag, bytes.subarray(walk.from, walk.to));
 */
export class DerWalk {
  readonly #bytes: Uint8Array;
  #end: number;
  /** Of the element that `next` has stepped to: its tag, where it starts, where its content starts, and where both end. */
  tag = 0;
  start = 0;
  from = 0;
  to = 0;

  constructor(bytes: Uint8Array, from = 0, to: number = bytes.length) {
    this.#bytes = bytes;
    this.to = from;
    this.#end = to;
  }

  /** Goes on with another range of the same bytes. */
  enter(from: number, to: number): void {
    this.to = from;
    this.#end = to;
  }

  /** Steps to the next element; false at the end of the range. @throws DerError */
  next(): boolean {
    const start = this.to;
    if (start === this.#end) return false;
    const tag = this.#bytes[start] ?? 0;
    if ((tag & 0x1f) === 0x1f) throw new DerError('a tag has more than one byte');
    let from = start + 2;
    let length = this.#byteAt(start + 1);
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > 4) throw new DerError('the length is indefinite or too large');
      length = 0;
      for (let index = 0; index < octets; index += 1) length = length * 256 + this.#byteAt(from + index);
      if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerError('a length is not minimal');
      from += octets;
    }
    if (from + length > this.#end) throw new DerError('the encoding ends too early');
    this.tag = tag;
    this.start = start;
    this.from = from;
    this.to = from + length;
    return true;
  }

  #byteAt(at: number): number {
    if (at >= this.#end) throw new DerError('the encoding ends too early');
    return this.#bytes[at] ?? 0;
  }
}

/** How much DER a reader takes; a structure within these costs it no more than they say. */
export interface DerBounds {
  readonly octets: number;
  /** Elements in all, those within others included. */
  readonly elements: number;
  /** Elements within elements. */
  readonly depth: number;
}

/** What a certificate, a request, a key or a name is made of; ours have about 60 elements, six deep. */
export const SMALL_DER: DerBounds = { octets: 16 * 1024, elements: 1_024, depth: 16 };

/**
 * Looks at the headers of a whole structure before anybody takes it apart: a general ASN.1 library makes objects of all there
 * is, to any depth. Linear in the number of elements, which is bounded, and without recursion.
 * @throws DerError for more than the bounds allow, and for what is not DER
 */
export const assertBounded = (bytes: Uint8Array, bounds: DerBounds): void => {
  if (bytes.length > bounds.octets) throw new DerError('the encoding is too long');
  const walk = new DerWalk(bytes);
  /** Where the ranges around the present one end, the outermost first. */
  const outer: number[] = [];
  let end = bytes.length;
  let left = bounds.elements;
  for (;;) {
    if (!walk.next()) {
      const around = outer.pop();
      if (around === undefined) return;
      end = around;
      walk.enter(walk.to, end);
      continue;
    }
    left -= 1;
    if (left < 0) throw new DerError('the encoding has too many elements');
    if (walk.tag === OID_TAG && walk.to - walk.from > MAX_OID_OCTETS)
      throw new DerError('an object identifier is too long');
    if ((walk.tag & CONSTRUCTED) === 0) continue;
    if (outer.length === bounds.depth) throw new DerError('the encoding is nested too deeply');
    outer.push(end);
    end = walk.to;
    walk.enter(walk.from, end);
  }
};
