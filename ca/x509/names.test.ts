import { describe, expect, test } from 'vitest';
import { toHex } from './bytes.ts';
import { ipOctets, isDnsName } from './names.ts';

/** 253 characters (RFC 1035 section 2.3.4 counts 255 octets of it on the wire). */
const LONGEST = `${'a.'.repeat(126)}b`;

describe('names of a front', () => {
  test.each([
    ['127.0.0.1', '7f000001'],
    ['::1', '00000000000000000000000000000001'],
    ['::', '00000000000000000000000000000000'],
    ['2001:DB8::8a2e:370:7334', '20010db80000000000008a2e03707334'],
    ['2001:db8:1:2:3:4:5:6', '20010db8000100020003000400050006'],
    ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
  ])('%s is an address', (text, hex) => {
    expect(toHex(ipOctets(text) ?? new Uint8Array())).toBe(hex);
  });

  test.each([
    '',
    'localhost',
    '1.2.3',
    '256.1.1.1',
    '01.2.3.4',
    '2130706433',
    '0x7f000001',
    '1::2::3',
    '[::1]',
    '::1%eth0',
    '::1]/x[',
    '::1]/::1',
    '1.2.3.4.5',
    '1.2.3.4x',
  ])('%j is no address', (text) => {
    expect(ipOctets(text)).toBeNull();
  });

  test.each(['localhost', 'work.example.com', 'a-b.c1', '1a.example.com', '10.example', LONGEST])(
    '%j is a name',
    (name) => {
      expect(isDnsName(name)).toBe(true);
    },
  );

  test.each([
    '',
    'a..b',
    '-a',
    'a-',
    'A.b',
    '*.example.com',
    'a b',
    'é.fr',
    '127.0.0.1',
    'a\0b',
    `${'a'.repeat(64)}.b`,
    'a.'.repeat(130),
    `a${LONGEST}`,
    `${LONGEST}.a`,
  ])('%j is no name', (name) => {
    expect(isDnsName(name)).toBe(false);
  });
});
