import { describe, expect, it } from 'vitest';
import { isUuid } from './uuid.ts';

const ID = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';

describe('MUTANTS uuid', () => {
  it('is a text of five parts in lower case', () => {
    expect(isUuid(ID)).toBe(true);
    for (const other of [
      ID.toUpperCase(),
      `${ID}x`,
      `x${ID}`,
      ID.replaceAll('-', ''),
      `{${ID}}`,
      '',
      ID.replace('a', 'g'),
    ])
      expect(isUuid(other)).toBe(false);
  });

  it('has no part that is too short or too long, all others being right', () => {
    for (const place of [0, 1, 2, 3, 4])
      for (const change of [(part: string) => part.slice(1), (part: string) => `${part}0`, () => '']) {
        const parts = ID.split('-');
        expect(isUuid(parts.with(place, change(parts[place] ?? '')).join('-'))).toBe(false);
      }
  });

  it('is nothing that only reads like one', () => {
    for (const other of [[ID], { toString: () => ID }, null, undefined, 5]) expect(isUuid(other)).toBe(false);
  });
});
