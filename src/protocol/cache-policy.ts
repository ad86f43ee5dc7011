import type { Grant } from '../../domain/grants/grant.ts';

/** What a serving gateway says with each answer about keeping it. */
export interface Terms {
  /** Seconds; 0: not at all. */
  readonly maxAge: number;
  /** Version of the grant it was decided on; null when it did not say. */
  readonly grantVersion: number | null;
}

/**
 * A targeted field (RFC 9213): it speaks to the asking gateway alone, while `cache-control: no-store` holds for everyone
 * between and behind.
 */
export const TERMS_HEADER = 'mosaic-cache-control';

const member = (text: string, name: string): number | null => {
  const digits = new RegExp(`(?:^|,) *${name}=([0-9]{1,9}) *(?:,|$)`).exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
};

/** Reads a peer's terms; what is absent or malformed allows nothing. */
export const readTerms = (headers: Headers): Terms => {
  const text = headers.get(TERMS_HEADER);
  if (text === null) return { maxAge: 0, grantVersion: null };
  // RFC 9111 section 5.2.2.5: it outweighs any age.
  const isUnstored = /(^|,) *no-store *(,|$)/.test(text);
  return {
    maxAge: isUnstored ? 0 : (member(text, 'max-age') ?? 0),
    grantVersion: member(text, 'grant-version'),
  };
};

/** How long an asking gateway may keep an answer where the grant does not say, seconds. */
const DEFAULT_MAX_AGE = 30;

/** What a serving gateway says with an answer (RFC 9213): how long it may be kept there, and what it was decided on. */
export const cachingTerms = ({
  cacheTtlSeconds,
  version,
}: Pick<Grant, 'cacheTtlSeconds' | 'version'>): string =>
  `max-age=${cacheTtlSeconds ?? DEFAULT_MAX_AGE}, grant-version=${version}`;

/** With a refusal: nothing to keep. */
export const refusalTerms = ({ version }: Pick<Grant, 'version'>): string =>
  `no-store, grant-version=${version}`;
