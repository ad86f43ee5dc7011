import { err, ok, type Result } from '../../domain/result.ts';

/**
 * The enrollment URL: `<base>/enrollment/v1#token=<base64url, 32 bytes>&ca=sha256:<64 hex>`. Token and pin stand
 * in the fragment, which no client sends, so neither reaches a request line, a proxy's log or a referrer.
 */
export interface EnrollmentUrl {
  /** Where the token is redeemed: `<base>/enrollment/v1/redeem`. */
  readonly endpoint: string;
  /** Secret: never log it, never store it. */
  readonly token: string;
  /** SHA-256 of the DER of the serving gateway's root certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

const PATH = '/enrollment/v1';
const MAX_LENGTH = 2_048;
const FRAGMENT = /^#token=([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])&ca=sha256:([0-9a-f]{64})$/;
const UNPRINTABLE = /[^\u0021-\u007E]/;
const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** Whether a URL's host is this very machine, by its text alone (no look-up). `URL` has normalised odd spellings. */
const isLoopbackHost = (hostname: string): boolean => LOOPBACK.test(hostname);

/** @param base `FEDERATION_ENROLLMENT_BASE_URL`, no trailing slash */
export const buildEnrollmentUrl = (base: string, token: string, fingerprint: string): string =>
  `${base}${PATH}#token=${token}&ca=sha256:${fingerprint}`;

export interface EnrollmentUrlRules {
  /** Plain HTTP is refused but on loopback, and there too unless this is set. */
  readonly allowLoopbackHttp: boolean;
}

/** Only looks at the text: nothing is resolved or called. The failure is a public sentence without the token. */
export const parseEnrollmentUrl = (
  text: string,
  { allowLoopbackHttp }: EnrollmentUrlRules,
): Result<EnrollmentUrl, string> => {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) return err(`It has more than ${MAX_LENGTH} characters.`);
  // `URL` drops tabs and line breaks in silence; a URL that was broken over lines had better be copied again.
  if (UNPRINTABLE.test(trimmed)) return err('It holds spaces, line breaks or characters that need encoding.');
  const url = URL.parse(trimmed);
  if (url === null) return err('It is not an absolute URL.');
  if (url.username !== '' || url.password !== '') return err('It may not hold a user name or password.');
  if (url.protocol === 'http:') {
    if (!isLoopbackHost(url.hostname)) return err('Plain HTTP is only possible on loopback; use https.');
    if (!allowLoopbackHttp) return err('Plain HTTP on loopback is not enabled on this gateway.');
  } else if (url.protocol !== 'https:') return err('It must start with https://.');
  if (url.search !== '' || trimmed.includes('?')) return err('It may not have a query.');
  if (!url.pathname.endsWith(PATH)) return err(`Its path must end with ${PATH}.`);
  if (url.hash === '') return err('The part after # is missing: it holds the token and the pin.');
  const [, token, fingerprint] = FRAGMENT.exec(url.hash) ?? [];
  if (token === undefined || fingerprint === undefined) return err('The part after # is incomplete.');
  return ok({ endpoint: `${url.origin}${url.pathname}/redeem`, token, fingerprint });
};
