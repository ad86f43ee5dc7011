import { describe, expect, it } from 'vitest';
import { parseValkeyUrl } from './valkey-address.ts';

describe('the address of Valkey', () => {
  it.each([
    ['valkey://h', { host: 'h', port: 6379, tls: false, database: 0, name: 'Valkey at h:6379' }],
    ['redis://h:1234/3', { host: 'h', port: 1234, tls: false, database: 3 }],
    ['valkeys://h', { tls: true }],
    ['rediss://h', { tls: true }],
    ['valkey://u:p%40ss@h', { username: 'u', password: 'p@ss' }],
    ['valkey://:secret@h/', { username: undefined, password: 'secret', database: 0 }],
    ['valkey://[::1]:7000', { host: '::1', port: 7000, name: 'Valkey at [::1]:7000' }],
  ])('%s', (text, expected) => {
    expect(parseValkeyUrl(text)).toMatchObject(expected);
  });

  it.each([
    'canary',
    'http://canary@h',
    'valkey://canary:x@',
    'valkey://u:canary%zz@h',
    'valkey://u:canary@h/x',
    'valkey://u:canary@h?tls=1',
    'valkey://u:canary@h:99999',
    'valkey://u:ca/nary#@h',
  ])('X-48 refuses %s without quoting it', (text) => {
    const refusal = (): unknown => parseValkeyUrl(text);
    expect(refusal).toThrow(TypeError);
    expect(refusal).not.toThrow(/canary|ca\/nary/);
  });
});
