import canonicalize from 'canonicalize';
import { decide, type Denial } from '../../../domain/access/decide.ts';
import { queryHash } from '../../../domain/audit/entry.ts';
import { outOfTime, verdictParts } from '../../../domain/peers/certificate-verdict.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { decodeCursor, encodeCursor, type CursorBinding } from '../../../domain/paging/cursor.ts';
import { isUsable } from '../../../domain/peers/peer.ts';
import { isOfCertificate, type CertificateIdentity } from '../../../domain/peers/identity.ts';
import type { Resource, ResourceRow } from '../../../domain/resources.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import { isUuid } from '../../../domain/uuid.ts';
import type { InboundDeps } from '../deps.ts';
import { describeGrant, type Capabilities } from './capabilities.ts';
import { createGrantCache, type GrantSnapshot } from './grant-cache.ts';
import { bucketOf, chargeUnder, rateLimited, type Charge } from '../../kernel/rate-limit.ts';
import { decideSearch, type SearchAsked, type Searched } from './serve-search.ts';

/** A request of a peer on its way through: filled step by step, read by the audit at the end. */
export interface Caller {
  readonly identity: CertificateIdentity;
  snapshot: GrantSnapshot;
  /** null until `takeRequest` let it pass. */
  charge: Charge | null;
}

export interface ListAsked {
  readonly resource: Resource;
  readonly limit: number;
  readonly cursor: string | null;
}

export interface Listed {
  /** The rows, as JSON: what stands between the brackets of `items`. */
  readonly json: string;
  readonly count: number;
  readonly nextCursor: string | null;
}

export type Parameters = Readonly<Record<string, string | number | boolean | null>>;

export interface Serving {
  /** Who the certificate stands for. @throws MosaicError `certificate_untrusted` when it is out of time */
  identify(identity: CertificateIdentity): Promise<Caller>;
  /** Takes one of the grant's requests of this minute. @throws MosaicError `rate_limited` */
  takeRequest(caller: Caller): Promise<void>;
  /** These three @throws MosaicError a `Denial`, `forbidden` (peer suspended), `unavailable`. */
  capabilities(caller: Caller): Promise<Capabilities>;
  /** @throws MosaicError also `invalid_cursor` */
  list(caller: Caller, asked: ListAsked): Promise<Listed>;
  /** @throws MosaicError also `not_found`: for an id that is absent, foreign, or none at all */
  get(caller: Caller, resource: Resource, id: string): Promise<ResourceRow>;
  /** @throws MosaicError also `invalid_cursor` */
  search(caller: Caller, asked: SearchAsked): Promise<Searched>;
  /** The keyed hash of a query for the audit, under the grant's key or, without a grant, the gateway's. */
  hashQuery(caller: Caller | null, verb: string, parameters: Parameters): string;
}

type Refusal = Denial | 'forbidden' | 'invalid_cursor' | 'not_found' | 'not_admitted';

const NO_ID = '00000000-0000-0000-0000-000000000000';
const ATTEMPTS = 4;

const canonical = (value: unknown): string => canonicalize(value) ?? 'null';

const peerRefusal = ({ peer }: GrantSnapshot): Refusal | null => {
  if (peer !== null && isUsable(peer.state)) return null;
  if (peer === null || peer.state === 'revoked') return 'grant_revoked';
  return peer.state === 'suspended' ? 'forbidden' : 'grant_pending';
};

/** A cursor holds for one grant at one version, and with that for one scope: an edited grant may reach other rows. */
const bindingOf = ({ grant }: GrantSnapshot, resource: Resource): CursorBinding => ({
  holder: grant?.id ?? '',
  resource,
  filters: `version ${grant?.version}`,
});

/** The inbound verbs (SPEC M3): decide on a recent snapshot of the grant, read under its fence. */
export const createServing = (deps: InboundDeps): Serving => {
  const cache = createGrantCache(deps);
  const epochs = deps.epochs;
  const { reader, stores } = deps.storage;

  const limitOf = ({ grant }: GrantSnapshot): number =>
    grant?.rateLimitPerMinute ?? deps.settings.defaultRateLimitPerMinute;

  /** Before anything limits a caller, and so one look at a time for all of them. */
  let looking: Promise<void> | null = null;
  const assertServingOnce = (): Promise<void> =>
    (looking ??= deps.storage.assertServing().finally(() => (looking = null)));

  /** Reads the grant anew; a request that passed under another limit has to pass under the newest one too. */
  const refresh = async (caller: Caller): Promise<void> => {
    caller.snapshot = await cache.reload(caller.identity.grantId);
    if (caller.charge !== null) caller.charge = chargeUnder(caller.charge, limitOf(caller.snapshot));
  };

  /**
   * The fence refuses what a decision on the newest state allows: the database lacks revocations, or the certificate it is,
   * unless clocks differ.
   * @throws MosaicError `revocations_lost`
   */
  const refusedByFence = async ({ identity }: Caller): Promise<MosaicError> => {
    await epochs.refresh();
    epochs.assertCurrent();
    const certificates = await stores.certificates.ofGrant(identity.grantId);
    const now = deps.clock.now();
    const isGood = certificates.some(
      (one) =>
        one.status === 'issued' &&
        isOfCertificate(one, identity) &&
        (one.revokeAt === null || one.revokeAt > now),
    );
    return new MosaicError(isGood ? 'unavailable' : 'certificate_revoked');
  };

  /**
   * A refusal rests on what the database holds or lacks. One that was put back a moment ago must not be told as a peer's fault (H-3).
   * @throws MosaicError `database_unavailable`, `revocations_lost`
   */
  const refusedBy = async (code: Exclude<Refusal, 'not_admitted'>): Promise<MosaicError> => {
    await deps.storage.assertServing();
    await epochs.refresh();
    epochs.assertCurrent();
    return new MosaicError(code);
  };

  /**
   * Tries on the snapshot at hand. Any refusal, of ours or of the fence, may be due to its age, so it counts
   * only once it was found on a snapshot read after the request came in.
   */
  const settle = async <T>(
    caller: Caller,
    attempt: (snapshot: GrantSnapshot, now: Date) => Promise<Result<T, Refusal>>,
  ): Promise<T> => {
    let refusedVersion: number | undefined;
    for (let round = 0; round < ATTEMPTS; round += 1) {
      const outcome = await attempt(caller.snapshot, deps.clock.now());
      if (outcome.ok) return outcome.value;
      const version = caller.snapshot.grant?.version;
      if (outcome.error !== 'not_admitted') {
        if (round > 0) throw await refusedBy(outcome.error);
      } else if (version === refusedVersion) throw await refusedByFence(caller);
      else refusedVersion = version;
      await refresh(caller);
    }
    throw new MosaicError('unavailable', { detail: 'The grant changed several times during the request.' });
  };

  return {
    identify: async (identity) => {
      const verdict = outOfTime(identity, deps.clock.now());
      if (verdict !== null) {
        await assertServingOnce();
        throw new MosaicError('certificate_untrusted', verdictParts(verdict));
      }
      const snapshot = cache.get(identity.grantId);
      return { identity, snapshot: snapshot instanceof Promise ? await snapshot : snapshot, charge: null };
    },

    takeRequest: async (caller) => {
      for (let round = 0; ; round += 1) {
        const perMinute = limitOf(caller.snapshot);
        const bucket = bucketOf(perMinute);
        const taken = await deps.kv.take(`grant:${caller.identity.grantId}`, bucket);
        if (taken.allowed) {
          caller.charge = { perMinute, remaining: taken.remaining };
          return;
        }
        const refusal = rateLimited('grant', bucket, taken.retryAfterSeconds);
        // The limit may have been raised since the snapshot. (A lowered one is found by the fence: see `refresh`.)
        // Without a database nothing better is known, and the caller has to wait in any case.
        await refresh(caller).catch(() => Promise.reject(refusal));
        if (round === ATTEMPTS || limitOf(caller.snapshot) === perMinute) throw refusal;
      }
    },

    capabilities: (caller) =>
      settle(caller, async (snapshot, now) => {
        const read = decide.capabilities(snapshot.grant, caller.identity, now, epochs.known());
        if (!read.ok) return read;
        const refusal = peerRefusal(snapshot);
        if (refusal !== null || snapshot.grant === null) return err(refusal ?? 'grant_unknown');
        const { admitted } = await reader.capabilities(read.value);
        return admitted ? ok(describeGrant(deps, snapshot.grant, caller.identity, now)) : err('not_admitted');
      }),

    list: (caller, { resource, limit, cursor }) =>
      settle(caller, async (snapshot, now) => {
        const { cursorMac } = deps.keys;
        const after =
          cursor === null ? null : decodeCursor(cursorMac, bindingOf(snapshot, resource), cursor, now);
        const read = decide.list(
          snapshot.grant,
          caller.identity,
          { resource, limit, after },
          now,
          epochs.known(),
        );
        if (!read.ok) return read;
        const refusal =
          peerRefusal(snapshot) ?? (cursor !== null && after === null ? 'invalid_cursor' : null);
        if (refusal !== null) return err(refusal);
        const page = await reader.listJson(read.value);
        if (!page.admitted) return err('not_admitted');
        const { json, count, next } = page.value;
        return ok({
          json,
          count,
          nextCursor:
            next === null ? null : encodeCursor(cursorMac, bindingOf(snapshot, resource), next, now),
        });
      }),

    get: async (caller, resource, id) => {
      // What is no id at all goes the same way and takes the same time as an id that is not there (ABUSE 30).
      const query = { resource, id: isUuid(id) ? id : NO_ID };
      const row = await settle<ResourceRow | null>(caller, async (snapshot, now) => {
        const read = decide.get(snapshot.grant, caller.identity, query, now, epochs.known());
        if (!read.ok) return read;
        const refusal = peerRefusal(snapshot);
        if (refusal !== null) return err(refusal);
        const found = await reader.get(read.value);
        return found.admitted ? ok(found.value) : err('not_admitted');
      });
      if (row === null) throw new MosaicError('not_found');
      return row;
    },

    search: (caller, asked) =>
      settle(caller, async (snapshot, now) => {
        const decided = decideSearch(deps, snapshot, caller.identity, asked, now, epochs.known());
        // As for a list: what the peer's state refuses comes before what is wrong with a cursor.
        const refusal = decided.ok || decided.error === 'invalid_cursor' ? peerRefusal(snapshot) : null;
        if (refusal !== null) return err(refusal);
        if (!decided.ok) return decided;
        const page = await reader.search(decided.value.read);
        return page.admitted ? ok(decided.value.answer(page.value)) : err('not_admitted');
      }),

    hashQuery: (caller, verb, parameters) =>
      queryHash(caller?.snapshot.auditMac ?? deps.keys.auditMac, canonical, verb, parameters),
  };
};
