import { describe as group, expect, it } from 'vitest';
import { bearerToken } from './auth.ts';

const token = `mos_${'a'.repeat(43)}`;

group('bearerToken', () => {
  it('reads a token, the scheme in any case', () => {
    expect(bearerToken(`Bearer ${token}`)).toBe(token);
    expect(bearerToken(`bearer  ${token}`)).toBe(token);
  });

  it.each([
    undefined,
    '',
    token,
    'Bearer',
    'Bearer ',
    `Basic ${token}`,
    `Basic Bearer ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token} ${token}`,
    `Bearer ${token.toUpperCase()}`,
    `Bearer ${'m'.repeat(5_000)}`,
  ])('X-80 reads nothing from %j', (header) => expect(bearerToken(header)).toBeNull());
});
