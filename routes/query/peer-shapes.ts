import { z } from 'zod';
import { PEER_STATES } from '../../domain/peers/peer.ts';
import type { Peer } from '../../domain/ports/federation.ts';
import { handle, timestamp, uuid } from '../shapes.ts';

/** A peer as administrators see it. The key, sealed or not, and the certificates are in no answer. */
export const peerShape = z
  .strictObject({
    id: uuid,
    direction: z.enum(['inbound', 'outbound']),
    name: handle,
    state: z.enum(PEER_STATES),
    created_at: timestamp,
    local_user_id: uuid.nullable().meta({ description: 'Who may ask this peer; outbound only.' }),
    federation_url: z.string().nullable(),
    ca_fingerprint: z
      .string()
      .nullable()
      .meta({ description: 'SHA-256 of the peer’s root certificate, hexadecimal.' }),
    remote_grant_id: uuid.nullable(),
    remote_subject_user_id: uuid.nullable(),
    certificate_not_after: timestamp.nullable(),
    last_success_at: timestamp.nullable(),
    last_failure_at: timestamp.nullable(),
    last_failure_code: z.string().nullable(),
  })
  .meta({ id: 'Peer' });

/** A peer as its own user sees it. */
export const ownPeerShape = z
  .strictObject({
    id: uuid,
    name: handle,
    source: z.string().meta({ description: 'What to give as `source`.' }),
    state: z.enum(PEER_STATES),
    grant_id: uuid.nullable().meta({ description: 'What to give as `x-federation-grant`.' }),
    certificate_not_after: timestamp.nullable(),
    last_success_at: timestamp.nullable(),
    last_failure_at: timestamp.nullable(),
    last_failure_code: z.string().nullable(),
  })
  .meta({ id: 'OwnPeer' });

const at = (date: Date | null): string | null => date?.toISOString() ?? null;

export const showPeer = (peer: Peer): z.infer<typeof peerShape> => ({
  id: peer.id,
  direction: peer.direction,
  name: peer.name,
  state: peer.state,
  created_at: peer.createdAt.toISOString(),
  local_user_id: peer.localUserId,
  federation_url: peer.federationUrl,
  ca_fingerprint: peer.caFingerprint,
  remote_grant_id: peer.remoteGrantId,
  remote_subject_user_id: peer.remoteSubjectUserId,
  certificate_not_after: at(peer.certificateNotAfter),
  last_success_at: at(peer.lastSuccessAt),
  last_failure_at: at(peer.lastFailureAt),
  last_failure_code: peer.lastFailureCode,
});

export const showOwnPeer = (peer: Peer): z.infer<typeof ownPeerShape> => ({
  id: peer.id,
  name: peer.name,
  source: `federated:${peer.name}`,
  state: peer.state,
  grant_id: peer.remoteGrantId,
  certificate_not_after: at(peer.certificateNotAfter),
  last_success_at: at(peer.lastSuccessAt),
  last_failure_at: at(peer.lastFailureAt),
  last_failure_code: peer.lastFailureCode,
});
