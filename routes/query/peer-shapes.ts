import { z } from 'zod';
import { PEER_STATES } from '../../domain/peers/peer.ts';
import type { Peer } from '../../domain/ports/peers.ts';
import type { circuitOf } from '../../src/peers/peers.ts';
import { handle, timestamp, uuid } from '../http/shapes.ts';

/** How this process stands to a peer. */
type Circuit = ReturnType<typeof circuitOf>;

const circuitShape = z
  .strictObject({
    state: z.enum(['closed', 'open', 'half_open']).meta({
      description:
        '`open`: the peer is not asked for a while, because it failed. `half_open`: one call is trying.',
    }),
    since: timestamp.nullable().meta({ description: 'null when it was never open.' }),
    next_probe: timestamp.nullable().meta({ description: 'When one call tries, while it is open.' }),
  })
  .meta({ id: 'Circuit', description: 'How the process that answers stands to the peer.' });

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
    circuit: circuitShape.nullable().meta({ description: 'null for a peer that asks us.' }),
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
    circuit: circuitShape,
  })
  .meta({ id: 'OwnPeer' });

const at = (date: Date | null): string | null => date?.toISOString() ?? null;

const showCircuit = ({ state, since, nextProbe }: Circuit): z.infer<typeof circuitShape> => ({
  state,
  since: at(since),
  next_probe: at(nextProbe),
});

export const showPeer = (peer: Peer, circuit: Circuit): z.infer<typeof peerShape> => ({
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
  circuit: peer.direction === 'outbound' ? showCircuit(circuit) : null,
});

export const showOwnPeer = (peer: Peer, circuit: Circuit): z.infer<typeof ownPeerShape> => ({
  id: peer.id,
  name: peer.name,
  source: `federated:${peer.name}`,
  state: peer.state,
  grant_id: peer.remoteGrantId,
  certificate_not_after: at(peer.certificateNotAfter),
  last_success_at: at(peer.lastSuccessAt),
  last_failure_at: at(peer.lastFailureAt),
  last_failure_code: peer.lastFailureCode,
  circuit: showCircuit(circuit),
});
