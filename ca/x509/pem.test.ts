import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { derToPem, pemToDer, splitPem } from './pem.ts';

const bytes = fc.uint8Array({ minLength: 1, maxLength: 600 });
const PEM = derToPem(Uint8Array.of(1, 2, 3, 4), 'CERTIFICATE');

describe('PEM', () => {
  test('whatever is written is read back, with Unix and Windows line ends', () => {
    fc.assert(
      fc.property(bytes, (der) => {
        const pem = derToPem(der, 'X509 CRL');
        expect(pemToDer(pem, 'X509 CRL')).toEqual({ ok: true, value: der });
        expect(pemToDer(pem.replaceAll('\n', '\r\n'), 'X509 CRL')).toEqual({ ok: true, value: der });
      }),
    );
  });

  test('blocks are split in order', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), (ders) => {
        const blocks = splitPem(ders.map((der) => derToPem(der, 'CERTIFICATE')).join('\n'));
        expect(blocks.ok && blocks.value.map(({ der }) => der)).toEqual(ders);
      }),
    );
  });

  test('any text gives a result and never an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(typeof splitPem(text).ok).toBe('boolean');
        expect(typeof splitPem(`-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`).ok).toBe(
          'boolean',
        );
      }),
    );
  });

  test.each([
    ['nothing', ''],
    ['two blocks', PEM + PEM],
    ['another label', derToPem(Uint8Array.of(1), 'PRIVATE KEY')],
    ['text before', `Subject: x\n${PEM}`],
    ['text after', `${PEM}x`],
    ['no end', PEM.replace('-----END CERTIFICATE-----', '')],
    ['another end', PEM.replace('END CERTIFICATE', 'END X509 CRL')],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['a header', PEM.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n')],
    ['base64 that is cut', PEM.replace('AQIDBA==', 'AQIDBA=')],
    ['base64 with stray bits', PEM.replace('AQIDBA==', 'AQIDBB==')],
    ['base64url', PEM.replace('AQIDBA==', 'AQID-_==')],
    ['padding in the middle', PEM.replace('AQIDBA==', 'AQ==AQID')],
    ['everything on one line', PEM.replaceAll('\n', ' ')],
    ['five million characters', PEM + ' '.repeat(5_000_000)],
  ])('refused: %s', (_what, text) => {
    expect(pemToDer(text, 'CERTIFICATE').ok).toBe(false);
  });
});
