import { MosaicError } from '../../../domain/errors.ts';
import { NEVER_ASKED } from '../../../domain/peers/peer.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { Stores } from '../../../domain/ports/storage.ts';
import type { InboundDeps } from '../deps.ts';
import type { Actor } from '../../kernel/actor.ts';
import { changeEntry } from '../../audit/audit.ts';
import { concludeRevocation } from '../revocation/revocation.ts';

/** The other gateway that asks us, under the name an administrator gave it: nothing of it is known before it enrolls. */
const newInboundPeer = (deps: InboundDeps, name: string): Peer => ({
  id: deps.ids.uuid(),
  direction: 'inbound',
  name,
  state: 'pending',
  createdAt: deps.clock.now(),
  localUserId: null,
  federationUrl: null,
  caPem: null,
  caFingerprint: null,
  clientCertPem: null,
  clientKeyPemSealed: null,
  remoteGrantId: null,
  remoteSubjectUserId: null,
  certificateNotAfter: null,
  lastSuccessAt: null,
  lastFailureAt: null,
  lastFailureCode: null,
  ...NEVER_ASKED,
});

/**
 * The inbound peer of that name, made pending when there is none.
 *
 * @throws MosaicError `invalid_transition` when it is suspended or revoked; `conflict` when another transaction
 *   made it at this moment
 */
export const inboundPeerFor = async (deps: InboundDeps, stores: Stores, name: string): Promise<Peer> => {
  const found = await stores.peers.inboundByName(name);
  if (found === null) {
    const peer = newInboundPeer(deps, name);
    await stores.peers.insert(peer);
    return peer;
  }
  if (found.state === 'suspended' || found.state === 'revoked') {
    throw new MosaicError('invalid_transition', { detail: `The peer is ${found.state}.` });
  }
  return found;
};

/**
 * Removes an inbound peer. Its grants are revoked first and stay, with their ids and audit entries; the CA
 * hears of their certificates through the outbox.
 *
 * @throws MosaicError `not_found`
 */
export const deleteInboundPeer = async (deps: InboundDeps, actor: Actor, id: string): Promise<void> => {
  await deps.storage.transaction(async (stores) => {
    const peer = await stores.peers.byId(id);
    if (peer === null || peer.direction !== 'inbound') throw new MosaicError('not_found');
    const at = deps.clock.now();
    const revoked = await stores.grants.revokeByPeer(id, 'peer deleted', at);
    await stores.peers.delete(id);
    // What was granted before the peer's row was locked; from here on no grant can be made for it.
    const late = await stores.grants.revokeByPeer(id, 'peer deleted', at);
    const grantIds = [...revoked, ...late];
    for (const grantId of grantIds) {
      await stores.certificates.revokeOfGrant(grantId, 'cessation_of_operation', at);
      await stores.enrollmentTokens.closeForGrant(grantId, at);
    }
    await stores.audit.insertMany([
      changeEntry(deps, actor, { verb: 'admin', action: 'peer.delete', status: 204, peerId: id }),
      ...grantIds.map((grantId) =>
        changeEntry(deps, actor, {
          verb: 'revoke',
          action: 'grant.revoke',
          status: 200,
          grantId,
          peerId: id,
        }),
      ),
    ]);
  });
  await concludeRevocation(deps);
};
