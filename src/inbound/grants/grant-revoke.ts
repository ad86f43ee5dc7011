import { MosaicError } from '../../../domain/errors.ts';
import type { InboundDeps } from '../deps.ts';
import type { Actor } from '../../kernel/actor.ts';
import { changeEntry } from '../../audit/audit.ts';
import { showGrant, type GrantView } from './grants.ts';
import { concludeRevocation } from '../revocation/revocation.ts';

/**
 * Revokes a grant for good: from the commit on no statement reads a row for it, on any replica. Its
 * certificates are revoked and its enrollment URLs closed in the same transaction. Revoking again answers the
 * same and changes nothing but waits as well.
 *
 * @throws MosaicError `not_found`; `database_unavailable`, also after the commit: ask again
 */
export const revokeGrant = async (
  deps: InboundDeps,
  actor: Actor,
  id: string,
  reason: string,
): Promise<GrantView> => {
  await deps.storage.transaction(async (stores) => {
    const at = deps.clock.now();
    const grant = await stores.grants.revoke(id, reason, at);
    if (grant === null) {
      if ((await stores.grants.byId(id)) === null) throw new MosaicError('not_found');
      return;
    }
    await stores.certificates.revokeOfGrant(id, 'cessation_of_operation', at);
    await stores.enrollmentTokens.closeForGrant(id, at);
    await stores.audit.insertMany([
      changeEntry(deps, actor, {
        verb: 'revoke',
        action: 'grant.revoke',
        status: 200,
        grantId: id,
        peerId: grant.peerId,
        subjectUserId: grant.subjectUserId,
      }),
    ]);
  });
  // Also when it was revoked before: whoever asks again may do so because the first answer was lost.
  await concludeRevocation(deps);
  return showGrant(deps, id);
};
