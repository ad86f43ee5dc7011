import { describe, expect, it } from 'vitest';
import { jsonFaultPlace } from './json-place.ts';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe('F-51 the place where text stops being JSON', () => {
  it.each([
    ['{bad', 1, 2],
    ['{"a": 1,\n "b": x}', 2, 7],
    ['{"a": 1,\n}', 2, 1],
    ['{"a": 1', 1, 8],
    ['', 1, 1],
    ['{"a" 1}', 1, 6],
    ['[1 2]', 1, 4],
    ['{"a": 01}', 1, 7],
    ['{"a": "b\nc"}', 1, 7],
    ['{"😀": }', 1, 7],
    ['{} {}', 1, 4],
    ['[1}', 1, 3],
    ['{1: 2}', 1, 2],
  ])('%j: line %i, column %i', (text, line, column) => {
    expect(jsonFaultPlace(text)).toEqual({ line, column });
  });

  it('agrees with the parser on what is JSON, for every text one edit away from a document', () => {
    const document = '{"a":[1,-2.5e3,true,null,"x\\u00e9\\n"],"b":{},"c":[]}';
    const edits = Array.from(' ,:{}[]"0x-\\\n\u007f\u0085');
    for (let at = 0; at <= document.length; at += 1)
      for (const edit of ['', ...edits])
        for (const end of [at, at + 1]) {
          const text = document.slice(0, at) + edit + document.slice(end);
          expect([text, jsonFaultPlace(text) === null]).toEqual([text, isJson(text)]);
        }
  });
});
