import type { Grant } from '../../../domain/grants/grant.ts';

export { TERMS_HEADER } from '../../protocol/cache-policy.ts';

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
