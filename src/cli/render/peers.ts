import type { PeerAnswer } from '../client/answers.ts';
import { clip, distance, moment, safe } from './text.ts';
import { facts, tableOr } from './table.ts';

/**
 * The state, with what the state alone would hide: an active peer whose certificate has run out cannot be
 * asked any more.
 */
export const peerState = (peer: PeerAnswer, now: Date): string => {
  const usable = peer.state === 'active' || peer.state === 'degraded';
  const notAfter =
    typeof peer.certificate_not_after === 'string' ? Date.parse(peer.certificate_not_after) : NaN;
  return usable && notAfter <= now.getTime() ? `${peer.state}, certificate expired` : peer.state;
};

const certificate = (peer: PeerAnswer, now: Date): string =>
  peer.certificate_not_after
    ? `${moment(peer.certificate_not_after)} (${distance(peer.certificate_not_after, now)})`
    : '-';

const lastContact = (peer: PeerAnswer, now: Date): string => {
  const success = Date.parse(peer.last_success_at ?? '');
  const failure = Date.parse(peer.last_failure_at ?? '');
  if (Number.isNaN(success) && Number.isNaN(failure)) return 'none yet';
  if (Number.isNaN(failure) || success >= failure) return `ok ${distance(peer.last_success_at, now)}`;
  return `${safe(peer.last_failure_code ?? 'failed')} ${distance(peer.last_failure_at, now)}`;
};

const directionText = (direction: string): string =>
  direction === 'outbound' ? 'outbound' : direction === 'inbound' ? 'inbound' : safe(direction);

export const renderPeers = (peers: readonly PeerAnswer[], now: Date): string =>
  tableOr(
    'There are no peers.',
    ['ID', 'NAME', 'DIRECTION', 'STATE', 'LOCAL USER', 'CERTIFICATE UNTIL', 'LAST CONTACT'],
    peers.map((peer) => [
      safe(peer.id),
      clip(peer.name, 40),
      directionText(peer.direction),
      safe(peerState(peer, now)),
      safe(peer.local_user_id),
      certificate(peer, now),
      lastContact(peer, now),
    ]),
  );

/** Whether the process that answered asks the peer at all. */
export const circuit = (
  { state, since, next_probe: next }: NonNullable<PeerAnswer['circuit']>,
  now: Date,
): string => {
  if (state === 'closed') return 'closed';
  const probe = next ? `, asked again ${distance(next, now)}` : '';
  return `${safe(state)}${since ? `, since ${moment(since)}` : ''}${probe}`;
};

/** One peer in full. There is no key material in what the gateway answers. */
export const renderPeer = (peer: PeerAnswer, now: Date): string =>
  facts([
    ['id', safe(peer.id)],
    ['name', safe(peer.name)],
    ['direction', directionText(peer.direction)],
    ['state', safe(peerState(peer, now))],
    ['local user', safe(peer.local_user_id)],
    ['address', safe(peer.federation_url)],
    ['their authority', safe(peer.ca_fingerprint)],
    ['their grant', safe(peer.remote_grant_id)],
    ['their user', safe(peer.remote_subject_user_id)],
    ['certificate until', certificate(peer, now)],
    ['last contact', lastContact(peer, now)],
    ...(peer.circuit ? [['circuit', circuit(peer.circuit, now)] as const] : []),
    ['created', moment(peer.created_at)],
  ]);
