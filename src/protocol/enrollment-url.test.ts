import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64Url } from '../../domain/bytes.ts';
import { buildEnrollmentUrl, parseEnrollmentUrl } from './enrollment-url.ts';

const tokens = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toBase64Url);
const pins = fc.stringMatching(/^[0-9a-f]{64}$/);
const bases = fc.constantFrom(
  'https://work.example',
  'https://work.example:8443/gw',
  'https://[2001:db8::1]',
);
const strict = { allowLoopbackHttp: false };
const token = 'A'.repeat(43);
const pin = 'ab'.repeat(32);
const fragment = `#token=${token}&ca=sha256:${pin}`;

describe('enrollment URL', () => {
  it('reads back what it built, whatever the token and pin', () => {
    fc.assert(
      fc.property(bases, tokens, pins, (base, aToken, aPin) => {
        expect(parseEnrollmentUrl(buildEnrollmentUrl(base, aToken, aPin), strict)).toEqual({
          ok: true,
          value: { endpoint: `${base}/enrollment/v1/redeem`, token: aToken, fingerprint: aPin },
        });
      }),
    );
  });

  it('never throws, and never repeats what it was given', () => {
    fc.assert(
      fc.property(
        fc
          .string()
          .chain((text) =>
            fc.constantFrom(
              text,
              `https://work.example/${text}`,
              `https://work.example/enrollment/v1#${text}`,
            ),
          ),
        (text) => {
          const parsed = parseEnrollmentUrl(text, strict);
          if (!parsed.ok && text.length > 8) expect(parsed.error).not.toContain(text);
        },
      ),
    );
  });

  it('keeps the secret out of everything but the fragment', () => {
    const url = new URL(buildEnrollmentUrl('https://work.example', token, pin));
    expect(`${url.origin}${url.pathname}${url.search}`).not.toContain(token);
  });

  it.each([
    ['userinfo', `https://user:pass@work.example/enrollment/v1${fragment}`],
    ['a user name', `https://user@work.example/enrollment/v1${fragment}`],
    ['file:', `file:///enrollment/v1${fragment}`],
    ['ftp:', `ftp://work.example/enrollment/v1${fragment}`],
    ['javascript:', `javascript:alert(1)${fragment}`],
    ['plain HTTP', `http://work.example/enrollment/v1${fragment}`],
    [
      'plain HTTP to a host that only looks like loopback',
      `http://127.0.0.1.example/enrollment/v1${fragment}`,
    ],
    ['plain HTTP on loopback, when that is off', `http://127.0.0.1:8080/enrollment/v1${fragment}`],
    ['a query', `https://work.example/enrollment/v1?x=1${fragment}`],
    ['an empty query', `https://work.example/enrollment/v1?${fragment}`],
    ['no fragment', 'https://work.example/enrollment/v1'],
    ['an empty fragment', 'https://work.example/enrollment/v1#'],
    ['a token without pin', `https://work.example/enrollment/v1#token=${token}`],
    ['a pin without token', `https://work.example/enrollment/v1#ca=sha256:${pin}`],
    ['a short token', `https://work.example/enrollment/v1#token=${token.slice(1)}&ca=sha256:${pin}`],
    [
      'a token with loose trailing bits',
      `https://work.example/enrollment/v1#token=${'A'.repeat(42)}B&ca=sha256:${pin}`,
    ],
    ['a short pin', `https://work.example/enrollment/v1#token=${token}&ca=sha256:${pin.slice(1)}`],
    ['another hash', `https://work.example/enrollment/v1#token=${token}&ca=md5:${pin}`],
    ['more after it', `https://work.example/enrollment/v1${fragment}&x=1`],
    ['another path', `https://work.example/elsewhere${fragment}`],
    ['a line break', `https://work.example/enrol\nlment/v1${fragment}`],
    ['no URL', 'work.example'],
    ['an endless text', `https://work.example/${'a'.repeat(3000)}/enrollment/v1${fragment}`],
  ])('X-63 refuses %s', (_, text) => {
    expect(parseEnrollmentUrl(text, strict).ok).toBe(false);
  });

  it.each(['127.0.0.1:8080', 'localhost', '[::1]:9', '2130706433', '0x7f.1'])(
    'takes plain HTTP on loopback (%s) only when that is configured',
    (host) => {
      const text = `http://${host}/enrollment/v1${fragment}`;
      expect(parseEnrollmentUrl(text, { allowLoopbackHttp: true }).ok).toBe(true);
      expect(parseEnrollmentUrl(text, strict).ok).toBe(false);
    },
  );

  it('forgives blanks around it', () => {
    expect(parseEnrollmentUrl(`  https://work.example/enrollment/v1${fragment}\n`, strict).ok).toBe(true);
  });
});
