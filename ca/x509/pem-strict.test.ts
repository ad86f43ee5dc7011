import { describe, expect, it } from 'vitest';
import { derToPem, MAX_LISTS_LENGTH, pemToDer, splitPem, toBase64 } from './pem.ts';

const MIB = 1024 * 1024;
const filled = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + 1) & 0xff);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
/** A block whose content is just this text. */
const around = (content: string, label = 'A'): string =>
  `-----BEGIN ${label}-----\n${content}-----END ${label}-----\n`;
/** The bytes of the only block, or what is wrong with it. */
const read = (text: string): readonly number[] | string => {
  const blocks = splitPem(text);
  if (!blocks.ok) return blocks.error;
  return blocks.value.length === 1 ? [...(blocks.value[0]?.der ?? [])] : `${blocks.value.length} blocks`;
};
const BLOCK = around('AQID\n');
const NOT_BASE64 = 'a PEM block does not hold canonical base64';
const OUTSIDE = 'there is text outside the PEM blocks';
const NO_END = 'a PEM block has no matching end';

describe('MUTANTS pem what is written', () => {
  it.each([
    0, 1, 2, 3, 47, 48, 49, 96, 97, 8_191, 8_192, 8_193, 16_384, 49_151, 49_152, 49_153, 98_304, 150_001,
  ])('%i octets in lines of 64 characters, as another encoder has them', (length) => {
    const bytes = filled(length);
    const text = base64(bytes);
    expect(toBase64(bytes) === text).toBe(true);
    const lines = text.match(/.{1,64}/g)?.join('\n') ?? '';
    const expected = `-----BEGIN X509 CRL-----\n${lines}\n-----END X509 CRL-----\n`;
    expect(derToPem(bytes, 'X509 CRL') === expected).toBe(true);
  });
});

describe('MUTANTS pem what is read of base64', () => {
  it('each octet of a content of any length, in lines of any length up to 76', () => {
    for (let length = 1; length <= 12; length += 1) {
      const bytes = filled(length);
      expect(read(around(`${base64(bytes)}\n`))).toEqual([...bytes]);
    }
    const [all, text] = [filled(256), base64(filled(256))];
    for (const width of [1, 3, 4, 5, 63, 64, 75, 76]) {
      const digits = text.replace(/=+$/, '');
      const lines = digits.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
      const padding = text.slice(digits.length);
      if ((lines.at(-1)?.length ?? 0) + padding.length <= 76)
        expect(read(around(`${lines.join('\n')}${padding}\n`))).toEqual([...all]);
    }
    const long = base64(filled(57));
    expect(long).toHaveLength(76);
    expect(read(around(`${long}\n`))).toEqual([...filled(57)]);
    expect(read(around(`${long}A\nAAA\n`))).toBe(NOT_BASE64);
  });

  it('all 64 characters, and no other one', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    expect(read(around(`${alphabet}\n`))).toEqual([...Buffer.from(alphabet, 'base64')]);
    for (let code = 0; code < 300; code += 1) {
      const character = String.fromCharCode(code);
      if (alphabet.includes(character) || character === '-') continue;
      expect(read(around(`AA${character}A\n`))).toBe(NOT_BASE64);
    }
  });

  it.each([
    ['AQ==', [1]],
    ['AQI=', [1, 2]],
    ['AQID', [1, 2, 3]],
    ['AQIDBA==', [1, 2, 3, 4]],
    ['AQIDBAU=', [1, 2, 3, 4, 5]],
    ['/+8=', [0xff, 0xef]],
    ['AQID\n/w==', [1, 2, 3, 0xff]],
    ['AQI\nDBA==', [1, 2, 3, 4]],
  ])('%j with its padding', (content, bytes) => {
    expect(read(around(`${content}\n`))).toEqual(bytes);
  });

  it.each([
    ['nothing', ''],
    ['an empty line', '\n'],
    ['an empty line first', '\nAQID\n'],
    ['an empty line last', 'AQID\n\n'],
    ['an empty line within', 'AQID\n\nAQID\n'],
    ['a blank line', 'AQID\n \nAQID\n'],
    ['no line end before the mark', 'AQID'],
    ['no line end behind a last character', 'AQI\nD'],
    ['no line end behind padding', 'AQ=='],
    ['one character', 'A\n'],
    ['one character, padded', 'A===\n'],
    ['one character more', 'AQIDA\n'],
    ['no padding of two', 'AQ\n'],
    ['no padding of three', 'AQI\n'],
    ['half a padding', 'AQ=\n'],
    ['too much padding', 'AQ===\n'],
    ['too much padding', 'AQI==\n'],
    ['padding that is not needed', 'AQID=\n'],
    ['padding that is not needed', 'AQID==\n'],
    ['padding that is not needed', 'AQID===\n'],
    ['padding that is not needed', 'AQID====\n'],
    ['padding alone', '====\n'],
    ['padding on a line of its own', 'AQ\n==\n'],
    ['padding on two lines', 'AQ=\n=\n'],
    ['padding before the end', 'AQ==AQID\n'],
    ['padding before the last line', 'AQ==\nAQID\n'],
    ['a blank within', 'AQ ID\n'],
    ['a blank behind the first character', 'A QID\n'],
    ['a blank before padding', 'AQ ==\n'],
    ['a tab within', 'AQ\tID\n'],
    ['a carriage return within', 'AQ\rID\n'],
    ['stray bits: 1', 'AR==\n'],
    ['stray bits: 2', 'AS==\n'],
    ['stray bits: 4', 'AU==\n'],
    ['stray bits: 8', 'AY==\n'],
    ['stray bits: 1', 'AQJ=\n'],
    ['stray bits: 2', 'AQK=\n'],
  ])('nothing of %s: %j', (_what, content) => {
    expect(read(around(content))).toBe(NOT_BASE64);
  });

  it('blanks around lines are none of the content', () => {
    for (const blank of [' ', '\t', '\r', ' \t\r '])
      for (const [before, after] of [
        [blank, ''],
        ['', blank],
        [blank, blank],
      ] as const) {
        const line = (text: string) => `${before}${text}${after}\n`;
        const marks = [line('-----BEGIN A-----'), before, '-----END A-----', after].join('|').split('|');
        expect(read(`${marks[0]}${line('AQID')}${line('AQ==')}${marks.slice(1).join('')}\n`)).toEqual([
          1, 2, 3, 1,
        ]);
      }
    for (const other of ['\v', '\f', '\u00a0', '\u0085', '\u2028', '!', '"', '\b'])
      for (const text of [`${other}${BLOCK}`, `${BLOCK}${other}`, BLOCK.replace('A-----', `A-----${other}`)])
        expect(read(text)).toBe(OUTSIDE);
  });
});

describe('MUTANTS pem what is read around the content', () => {
  it.each([
    ['text before', `x${BLOCK}`, OUTSIDE],
    ['a line before', `x\n${BLOCK}`, OUTSIDE],
    ['text behind the first mark', BLOCK.replace('A-----', 'A-----x'), OUTSIDE],
    ['a line behind', `${BLOCK}x`, OUTSIDE],
    ['a line of hyphens', `${'-'.repeat(200)}\n${BLOCK}`, OUTSIDE],
    ['an empty label', around('AQID\n', ''), OUTSIDE],
    ['a label of 65 characters', around('AQID\n', 'A'.repeat(65)), OUTSIDE],
    ['a label in lower case', around('AQID\n', 'a'), OUTSIDE],
    ['text behind the last mark', BLOCK.replace(/-----\n$/, '-----x\n'), NO_END],
    ['another label', BLOCK.replace('END A', 'END B'), NO_END],
    ['a shorter label', BLOCK.replace('END A', 'END '), NO_END],
    ['a first mark in place of the last', '-----BEGIN A-----\nAQID\n-----BEGIN A-----\n', NO_END],
    ['a last mark that is cut', BLOCK.slice(0, -2), NO_END],
    ['no last mark', '-----BEGIN A-----\nAQID\n', NO_END],
    ['a first mark alone', '-----BEGIN A-----', NO_END],
    ['a last mark alone', '-----END A-----\n', OUTSIDE],
  ])('%s', (_what, text, error) => {
    expect(read(text)).toBe(error);
  });

  it('a label of 1 to 64 characters, and a last line without an end', () => {
    for (const label of ['A', '0', 'X509 CRL', 'A'.repeat(64)])
      expect(read(around('AQID\n', label))).toEqual([1, 2, 3]);
    expect(read(BLOCK.slice(0, -1))).toEqual([1, 2, 3]);
    expect(read('')).toBe('0 blocks');
    expect(read('\n')).toBe('0 blocks');
    expect(splitPem(around('AQID\n', 'X 1') + around('AQ==\n'))).toEqual({
      ok: true,
      value: [
        { label: 'X 1', der: Uint8Array.of(1, 2, 3) },
        { label: 'A', der: Uint8Array.of(1) },
      ],
    });
  });

  it('up to 64 blocks, and up to 256 blank lines, the last one that a final line feed begins counted', () => {
    expect(read(BLOCK.repeat(64))).toBe('64 blocks');
    expect(read(BLOCK.repeat(65))).toBe('there are too many PEM blocks');
    const [blanks, many] = [' \n', 'there are too many blank lines around the PEM blocks'];
    expect(read(`${BLOCK}${blanks.repeat(255)}`)).toEqual([1, 2, 3]);
    expect(read(`${BLOCK}${blanks.repeat(256)}`)).toBe(many);
    expect(read(`${'\n'.repeat(128)}${BLOCK}${'\n'.repeat(127)}`)).toEqual([1, 2, 3]);
    expect(read(`${'\n'.repeat(128)}${BLOCK}${'\n'.repeat(128)}`)).toBe(many);
  });

  it('up to 4 MiB, and of revocation lists up to 24 MiB', () => {
    const ofLength = (length: number) => BLOCK + ' '.repeat(length - BLOCK.length);
    expect(read(ofLength(4 * MIB))).toEqual([1, 2, 3]);
    expect(read(ofLength(4 * MIB + 1))).toBe('the PEM text is too long');
    expect(MAX_LISTS_LENGTH).toBe(24 * MIB);
    expect(splitPem(ofLength(100), 100).ok).toBe(true);
    expect(splitPem(ofLength(101), 100).ok).toBe(false);
  });

  it('one block of the label that is expected', () => {
    const certificate = derToPem(Uint8Array.of(1), 'CERTIFICATE');
    expect(pemToDer(certificate, 'CERTIFICATE')).toEqual({ ok: true, value: Uint8Array.of(1) });
    expect(pemToDer(certificate, 'X509 CRL')).toEqual({
      ok: false,
      error: 'expected a PEM block labelled X509 CRL',
    });
    for (const text of ['', certificate + certificate])
      expect(pemToDer(text, 'CERTIFICATE')).toEqual({ ok: false, error: 'expected exactly one PEM block' });
    expect(pemToDer('x', 'CERTIFICATE')).toEqual({ ok: false, error: OUTSIDE });
  });
});
