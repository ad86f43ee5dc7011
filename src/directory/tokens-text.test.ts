import { describe as group, expect, it } from 'vitest';
import { macWith } from '../kernel/mac.ts';
import { hashToken, isMarked, isTokenText, newTokenText } from './tokens-text.ts';

group('token text', () => {
  const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
  const [mine, theirs] = [macWith(new Uint8Array(32)), macWith(new Uint8Array(32).fill(1))];

  it('is mos_ and base64url of 22 random bytes and 10 of a mark', () => {
    const text = newTokenText({ bytes: (length) => new Uint8Array(length).fill(0xfb) }, mine);
    expect(text).toMatch(/^mos_-_v7-_v7-_v7-_v7-_v7-_v7-_v7-[\w-]{14}$/);
    expect(isTokenText(newTokenText(random, mine))).toBe(true);
  });

  it('F-19 bears the mark of the gateway that made it, and nobody else can make one', () => {
    const text = newTokenText(random, mine);
    expect(isMarked(text, mine)).toBe(true);
    expect(isMarked(text, theirs)).toBe(false);
    for (const at of [4, 20, 34, 45])
      expect(isMarked(`${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`, mine)).toBe(
        false,
      );
    for (const other of ['', 'mos_', `mos_${'a'.repeat(43)}`]) expect(isMarked(other, mine)).toBe(false);
  });

  it('X-80 is stored as SHA-256 in hexadecimal', () => {
    expect(hashToken('mos_abc')).toBe('e448410563579d25e458a43599319452b4c505aff2642c86f5b6047ce588a3db');
  });

  it('MUTANTS tokens-text is marked under a label of its own: the key makes other marks too', () => {
    const seen: string[] = [];
    const random = { bytes: (length: number) => new Uint8Array(length).fill(0x61) };
    newTokenText(random, (message) => {
      seen.push(new TextDecoder().decode(message));
      return mine(message);
    });
    expect(seen).toEqual([`mosaic-token-1${'a'.repeat(22)}`]);
  });

  it.each([
    `xmos_${'a'.repeat(43)}`,
    `\nmos_${'a'.repeat(43)}`,
    '',
    'mos_',
    'mos_short',
    `mos_${'a'.repeat(44)}`,
    `mos_${'a'.repeat(42)}=`,
  ])('is not %j', (text) => expect(isTokenText(text)).toBe(false));
});
