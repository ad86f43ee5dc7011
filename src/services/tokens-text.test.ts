import { describe as group, expect, it } from 'vitest';
import { hashToken, isTokenText, newTokenText } from './tokens-text.ts';

group('token text', () => {
  it('is mos_ and base64url of 32 random bytes', () => {
    const bytes = new Uint8Array(32).fill(0xfb);
    expect(newTokenText({ bytes: () => bytes })).toBe(`mos_${'-_v7'.repeat(10)}-_s`);
    expect(
      isTokenText(newTokenText({ bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) })),
    ).toBe(true);
  });

  it('X-80 is stored as SHA-256 in hexadecimal', () => {
    expect(hashToken('mos_abc')).toBe('e448410563579d25e458a43599319452b4c505aff2642c86f5b6047ce588a3db');
  });

  it.each(['', 'mos_', 'mos_short', `mos_${'a'.repeat(44)}`, `mos_${'a'.repeat(42)}=`])('is not %j', (text) =>
    expect(isTokenText(text)).toBe(false),
  );
});
