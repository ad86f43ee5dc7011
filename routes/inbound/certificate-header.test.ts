import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { certificateHeader, derOfHeader } from './certificate-header.ts';

const ABC = Uint8Array.from([97, 98, 99]);

describe('MUTANTS certificate-header the DER in a Client-Cert field', () => {
  it('is what stands between two colons', () => {
    expect(derOfHeader(':YWJj:')).toEqual(ABC);
    expect(derOfHeader(':YWI=:')).toEqual(ABC.subarray(0, 2));
    expect(derOfHeader(':YQ==:')).toEqual(ABC.subarray(0, 1));
    expect(derOfHeader(':+/+/:')).toEqual(Uint8Array.from([251, 255, 191]));
  });

  it.each([
    ['nothing', ''],
    ['two colons', '::'],
    ['no colons', 'YWJj'],
    ['no colon before', 'YWJj:'],
    ['no colon after', ':YWJj'],
    ['something before', 'x:YWJj:'],
    ['something after', ':YWJj:x'],
    ['a parameter', ':YWJj:;a=1'],
    ['two values', ':YWJj:, :YWJj:'],
    ['two values in one', ':YWJj:YWJj:'],
    ['a space', ':YW Jj:'],
    ['a line end', ':YWJj:\n'],
    ['the other alphabet', ':-_-_:'],
    ['no padding', ':YQ:'],
    ['half a padding', ':YQ=:'],
    ['too much padding', ':YWJj=:'],
    ['three paddings', ':YQ===:'],
    ['bits that mean nothing', ':YR==:'],
    ['a length that is none', ':YWJjY:'],
  ])('is not there with %s', (_what, value) => expect(derOfHeader(value)).toBeNull());

  it('is looked at up to 16,384 characters and no further', () => {
    const longest = `:${'A'.repeat(16_384 - 4)}==:`.replace('AA==', 'AAAA');
    expect(longest).toHaveLength(16_384);
    const allowed = `:${'A'.repeat(16_380)}:`;
    expect(derOfHeader(allowed)).toHaveLength(12_285);
    expect(derOfHeader(`:${'A'.repeat(16_384)}:`)).toBeNull();
  });
});

describe('MUTANTS certificate-header where a certificate is taken from', () => {
  const app = new Hono().get('/', (c) => {
    const presented = certificateHeader(c as never);
    return c.json(
      presented === null ? null : { key: presented.key, length: presented.der()?.length ?? null },
    );
  });
  const ask = async (headers: [string, string][]): Promise<unknown> =>
    (await app.request('/', { headers })).json();

  it('is the Client-Cert field and no other', async () => {
    expect(await ask([['Client-Cert', ':YWJj:']])).toEqual({ key: ':YWJj:', length: 3 });
    for (const name of ['Client-Cert-Chain', 'X-SSL-Client-Cert', 'X-Forwarded-Client-Cert', 'Client_Cert'])
      expect(await ask([[name, ':YWJj:']])).toBeNull();
    expect(await ask([])).toBeNull();
  });

  it('X-17 of two fields neither counts', async () => {
    const both: [string, string][] = [
      ['Client-Cert', ':YWJj:'],
      ['Client-Cert', ':YWI=:'],
    ];
    expect(await ask(both)).toEqual({ key: ':YWJj:, :YWI=:', length: null });
  });
});
