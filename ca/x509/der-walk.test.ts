import { describe, expect, it } from 'vitest';
import { assertBounded, DerWalk, SMALL_DER } from './der-walk.ts';
import { concat, element } from './der-write.ts';

/** What a walk over these bytes steps to: tag, start, and where the content is. */
const steps = (walk: DerWalk): readonly (readonly number[])[] => {
  const found: number[][] = [];
  while (walk.next()) found.push([walk.tag, walk.start, walk.from, walk.to]);
  return found;
};
const stepsOf = (...bytes: readonly number[]) => steps(new DerWalk(Uint8Array.from(bytes)));

describe('MUTANTS der-walk a walk over DER', () => {
  it('steps from one element to the next, to the very end of its range', () => {
    expect(stepsOf()).toEqual([]);
    expect(stepsOf(0x05, 0x00)).toEqual([[0x05, 0, 2, 2]]);
    expect(stepsOf(0x30, 0x02, 0x05, 0x00, 0x04, 0x01, 0xaa)).toEqual([
      [0x30, 0, 2, 4],
      [0x04, 4, 6, 7],
    ]);
    const bytes = Uint8Array.of(0xff, 0x05, 0x00, 0x04, 0x01, 0xaa, 0xff);
    expect(steps(new DerWalk(bytes, 1, 6))).toEqual([
      [0x05, 1, 3, 3],
      [0x04, 3, 5, 6],
    ]);
    const walk = new DerWalk(bytes, 1, 3);
    expect(steps(walk)).toHaveLength(1);
    walk.enter(3, 6);
    expect(steps(walk)).toEqual([[0x04, 3, 5, 6]]);
  });

  it('takes tags of one byte, whatever their class', () => {
    for (let tag = 0; tag < 256; tag += 1) {
      const all = () => stepsOf(tag, 0x00);
      if (tag % 32 === 31) expect(all).toThrow('a tag has more than one byte');
      else expect(all()).toEqual([[tag, 0, 2, 2]]);
    }
  });

  it.each([
    [0x00, [0x00]],
    [0x7f, [0x7f]],
    [0x80, [0x81, 0x80]],
    [0xff, [0x81, 0xff]],
    [0x1_00, [0x82, 0x01, 0x00]],
    [0xff_ff, [0x82, 0xff, 0xff]],
    [0x1_00_00, [0x83, 0x01, 0x00, 0x00]],
    [0x1_23_45, [0x83, 0x01, 0x23, 0x45]],
    [0x1_00_00_00, [0x84, 0x01, 0x00, 0x00, 0x00]],
  ])('takes the length %i in its shortest form, and nothing that ends a byte too early', (length, form) => {
    const bytes = new Uint8Array(1 + form.length + length);
    bytes.set([0x04, ...form]);
    expect(steps(new DerWalk(bytes))).toEqual([[0x04, 0, 1 + form.length, bytes.length]]);
    for (const end of [bytes.length - 1, form.length, 1])
      if (end > 0 && end < bytes.length)
        expect(() => steps(new DerWalk(bytes, 0, end))).toThrow('the encoding ends too early');
  });

  it.each([
    ['a longer form than needed', [0x81, 0x00], 'a length is not minimal'],
    ['a longer form than needed', [0x81, 0x7f], 'a length is not minimal'],
    ['a leading zero', [0x82, 0x00, 0x80], 'a length is not minimal'],
    ['a leading zero', [0x82, 0x00, 0xff], 'a length is not minimal'],
    ['a leading zero', [0x83, 0x00, 0xff, 0xff], 'a length is not minimal'],
    ['a leading zero', [0x84, 0x00, 0xff, 0xff, 0xff], 'a length is not minimal'],
    ['no end', [0x80], 'the length is indefinite or too large'],
    ['five octets', [0x85, 0x01, 0x00, 0x00, 0x00, 0x00], 'the length is indefinite or too large'],
    ['127 octets', [0xff], 'the length is indefinite or too large'],
  ])('refuses a length with %s: %j', (_what, form, error) => {
    const bytes = new Uint8Array(70_000);
    bytes.set([0x04, ...form]);
    expect(() => new DerWalk(bytes).next()).toThrow(error);
  });

  it('never steps out of its range, although there are bytes behind it', () => {
    const bytes = Uint8Array.of(0x04, 0x81, 0x80, ...new Uint8Array(200));
    for (const end of [1, 2, 3, 130])
      expect(() => new DerWalk(bytes, 0, end).next()).toThrow('the encoding ends too early');
    expect(new DerWalk(bytes, 0, 131).next()).toBe(true);
    // What stands behind is not looked at: it would be another fault each time.
    for (const [end, ...behind] of [
      [1, 0x80],
      [1, 0x85],
      [1, 0x81, 0x01],
      [2, 0x82, 0x00, 0x01],
      [3, 0x82, 0x00, 0x01],
    ] as const)
      expect(() => new DerWalk(Uint8Array.of(0x04, ...behind), 0, end).next()).toThrow(
        'the encoding ends too early',
      );
  });
});

describe('MUTANTS der-walk what may be taken apart', () => {
  const bounds = { octets: 100, elements: 5, depth: 2 };
  const nul = element(0x05);
  const filled = (tag: number, length: number) => element(tag, new Uint8Array(length).fill(1));
  const check =
    (bytes: Uint8Array, within = bounds) =>
    () =>
      assertBounded(bytes, within);

  it('is as long, as much and as deep as it is said, and no more', () => {
    expect(check(filled(0x04, 98))).not.toThrow();
    expect(check(filled(0x04, 99))).toThrow('the encoding is too long');
    expect(check(element(0x30, nul, nul, nul, nul))).not.toThrow();
    expect(check(element(0x30, nul, nul, nul, nul, nul))).toThrow('the encoding has too many elements');
    expect(check(element(0x30, element(0x31)))).not.toThrow();
    expect(check(element(0x30, element(0xa0, element(0x30))))).toThrow('the encoding is nested too deeply');
    // As deep as it may be, again and again: a level that was left does not count.
    expect(check(element(0x30, element(0x30), element(0x30), element(0x30)))).not.toThrow();
    expect(check(concat([element(0x30, element(0x30)), element(0x30, element(0x30)), nul]))).not.toThrow();
  });

  it('has no object identifier of more than 64 octets, while other content is as long as it likes', () => {
    expect(check(filled(0x06, 64))).not.toThrow();
    expect(check(filled(0x06, 65))).toThrow('an object identifier is too long');
    for (const tag of [0x04, 0x05, 0x07, 0x0c, 0x86]) expect(check(filled(tag, 65))).not.toThrow();
  });

  it('is DER at every level, and within primitive content anything', () => {
    const bad = Uint8Array.of(0x05, 0x01);
    const alone = { octets: 1_000, elements: 100, depth: 10 };
    expect(check(element(0x04, bad), alone)).not.toThrow();
    for (const tag of [0x30, 0x31, 0xa0, 0x24, 0x60])
      expect(check(element(tag, bad), alone)).toThrow('the encoding ends too early');
    // Behind what was nested, and not hidden by bytes that belong to somebody else.
    expect(check(concat([element(0x30, element(0x30)), bad]), alone)).toThrow('the encoding ends too early');
    expect(check(element(0x30, element(0x30, nul), bad), alone)).toThrow('the encoding ends too early');
    expect(check(concat([element(0x30, bad), nul]), alone)).toThrow('the encoding ends too early');
    expect(check(element(0x30, element(0x30, bad), nul), alone)).toThrow('the encoding ends too early');
  });

  it('is at most 16 KiB, 1,024 elements and 16 deep where a certificate, request, key or name is expected', () => {
    const nulls = (count: number) => concat(Array.from({ length: count }, () => nul));
    const nested = (levels: number): Uint8Array => element(0x30, ...(levels > 1 ? [nested(levels - 1)] : []));
    expect(check(filled(0x04, 16_380), SMALL_DER)).not.toThrow();
    expect(check(filled(0x04, 16_381), SMALL_DER)).toThrow('the encoding is too long');
    expect(check(nulls(1_024), SMALL_DER)).not.toThrow();
    expect(check(nulls(1_025), SMALL_DER)).toThrow('the encoding has too many elements');
    expect(check(nested(16), SMALL_DER)).not.toThrow();
    expect(check(nested(17), SMALL_DER)).toThrow('the encoding is nested too deeply');
  });
});
