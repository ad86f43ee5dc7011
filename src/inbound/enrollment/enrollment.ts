import { sha256Hex } from '../../../ca/x509/bytes.ts';
import { pemToDer } from '../../../ca/x509/pem.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { effectiveStatus, type Grant } from '../../../domain/grants/grant.ts';
import type { Stores } from '../../../domain/ports/storage.ts';
import type { Deps } from '../../app/deps.ts';
import type { Actor } from '../../kernel/actor.ts';
import { changeEntry } from '../../audit/audit.ts';
import { buildEnrollmentUrl } from '../../protocol/enrollment-url.ts';
import { hashText } from '../../kernel/mac.ts';
import { newEnrollmentToken } from './enrollment-token.ts';

/** What the administrator hands to the asking side, once. */
export interface Enrollment {
  /** Holds the token: shown once, stored nowhere. */
  readonly url: string;
  readonly expiresAt: Date;
  readonly caFingerprint: string;
}

export interface PreparedEnrollment {
  readonly enrollment: Enrollment;
  /** Stores the token's hash; call it inside the transaction that makes the grant ready for it. */
  store(stores: Stores, grantId: string): Promise<void>;
}

/**
 * Makes a token and its URL. Asks the CA for its root, so it must happen before a transaction, not inside.
 *
 * @throws MosaicError `ca_unavailable`
 */
export const prepareEnrollment = async (deps: Deps): Promise<PreparedEnrollment> => {
  const root = pemToDer(await deps.ca.rootPem(), 'CERTIFICATE');
  if (!root.ok) throw new MosaicError('ca_unavailable', { cause: new Error(root.error) });
  const caFingerprint = sha256Hex(root.value);
  const token = newEnrollmentToken(deps.random, deps.keys.cursorMac);
  const hash = hashText(token);
  const createdAt = deps.clock.now();
  const expiresAt = new Date(createdAt.getTime() + deps.settings.enrollmentTokenSeconds * 1000);
  return {
    enrollment: {
      url: buildEnrollmentUrl(deps.settings.enrollmentBaseUrl, token, caFingerprint),
      expiresAt,
      caFingerprint,
    },
    store: (stores, grantId) => stores.enrollmentTokens.insert({ hash, grantId, createdAt, expiresAt }),
  };
};

/**
 * A new URL for a grant that nobody has enrolled for yet; older URLs of it stop working.
 *
 * @throws MosaicError `not_found`, `invalid_transition`, `ca_unavailable`
 */
export const renewEnrollment = async (
  deps: Deps,
  actor: Actor,
  grantId: string,
): Promise<{ readonly grant: Grant; readonly enrollment: Enrollment }> => {
  const prepared = await prepareEnrollment(deps);
  const grant = await deps.storage.transaction(async (stores) => {
    const found = (await stores.grants.byId(grantId))?.grant;
    if (found === undefined) throw new MosaicError('not_found');
    const now = deps.clock.now();
    const status = effectiveStatus(found, now);
    if (status !== 'pending') {
      throw new MosaicError('invalid_transition', {
        detail: `The grant is ${status}. An enrollment URL can be created only for a pending grant.`,
      });
    }
    await stores.enrollmentTokens.closeForGrant(grantId, now);
    await prepared.store(stores, grantId);
    await stores.audit.insertMany([
      changeEntry(deps, actor, {
        verb: 'admin',
        action: 'grant.enrollment',
        status: 201,
        grantId,
        peerId: found.peerId,
        subjectUserId: found.subjectUserId,
      }),
    ]);
    return found;
  });
  return { grant, enrollment: prepared.enrollment };
};
