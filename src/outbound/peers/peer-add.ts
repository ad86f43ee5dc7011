import { MosaicError, type ErrorCode } from '../../../domain/errors.ts';
import type { User } from '../../../domain/ports/directory.ts';
import type { Peer, PeerFilter } from '../../../domain/ports/peers.ts';
import { isUuid } from '../../../domain/uuid.ts';
import type { OutboundDeps } from '../deps.ts';
import type { PeerCapabilities } from '../client/answers.ts';
import { capabilitiesOfPeer } from '../client/verbs.ts';
import type { Actor } from '../../kernel/actor.ts';
import { changeEntry } from '../../audit/audit.ts';
import { afterRedemption, checkEnrollmentUrl, enroll, type Enrolled } from '../enrollment/peer-enroll.ts';
import { callTrace } from '../client/call-telemetry.ts';

/** More peers than this and a blended cursor would outgrow an address. */
const MAX_PEERS_PER_USER = 24;
const NAME = /^[a-z0-9._-]{1,100}$/;
const NAME_ATTEMPTS = 20;

export interface AddPeer {
  readonly enrollmentUrl: string;
  /** Id or name of the local user who will ask this peer. */
  readonly user: string;
  /** What that user calls the peer; what the peer calls itself when absent. */
  readonly name: string | undefined;
}

/** How the first call with the new certificate went: proof that it works, and no condition for keeping the peer. */
export type FirstCall =
  | { readonly ok: true; readonly capabilities: PeerCapabilities }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

export interface AddedPeer {
  readonly peer: Peer;
  readonly firstCall: FirstCall;
}

const findUser = async (deps: OutboundDeps, idOrName: string): Promise<User> => {
  const { users } = deps.storage.stores;
  const user = isUuid(idOrName) ? await users.byId(idOrName) : await users.byName(idOrName);
  if (user !== null) return user;
  const expected = 'the id or name of a user of this gateway';
  throw new MosaicError('invalid_request', {
    issues: [{ path: 'user', message: 'there is no such user', expected }],
  });
};

const namesOf = async (deps: OutboundDeps, localUserId: string): Promise<ReadonlySet<string>> => {
  const filter: PeerFilter = { direction: 'outbound', localUserId };
  const { items } = await deps.storage.stores.peers.list({ limit: MAX_PEERS_PER_USER, after: null }, filter);
  if (items.length >= MAX_PEERS_PER_USER) {
    throw new MosaicError('conflict', { detail: `A user may have at most ${MAX_PEERS_PER_USER} peers.` });
  }
  return new Set(items.map(({ name }) => name));
};

/** What a peer calls itself is data: only what fits our names is taken of it. */
const suggestedName = (gatewayName: string): string => {
  const fitting = gatewayName
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .slice(0, 90);
  return NAME.test(fitting) ? fitting : 'peer';
};

const insert = (deps: OutboundDeps, actor: Actor, peer: Peer, { auditKey, trust }: Enrolled): Promise<void> =>
  deps.storage.transaction(async (stores) => {
    await stores.peers.insert(peer);
    if (auditKey !== null) await stores.peers.pinAuditKey(peer.id, auditKey);
    await stores.peerTrust.pin(peer.id, trust);
    await stores.audit.insertMany([
      changeEntry(deps, actor, {
        verb: 'admin',
        action: 'peer.add',
        status: 201,
        peerId: peer.id,
        subjectUserId: peer.localUserId,
      }),
    ]);
  });

/** Under the name asked for, or under the first free one like the peer's own. @throws MosaicError `conflict` */
const store = async (
  deps: OutboundDeps,
  actor: Actor,
  enrolled: Enrolled,
  name: string | undefined,
): Promise<Peer> => {
  const base = name ?? suggestedName(enrolled.gatewayName);
  for (let attempt = 1; ; attempt += 1) {
    const peer: Peer = { ...enrolled.peer, name: attempt === 1 ? base : `${base}-${attempt}` };
    try {
      await insert(deps, actor, peer, enrolled);
      return peer;
    } catch (error) {
      const isTaken = error instanceof MosaicError && error.code === 'conflict';
      if (!isTaken || name !== undefined || attempt === NAME_ATTEMPTS) throw error;
    }
  }
};

const callFirst = async (deps: OutboundDeps, peer: Peer, actor: Actor): Promise<FirstCall> => {
  const outbound = deps.outbound;
  const answer = await capabilitiesOfPeer(peer, {
    outbound,
    ...callTrace(deps, actor, 'client'),
    deadline: { signal: AbortSignal.timeout(deps.settings.peerTimeoutMs) },
    learn: (asked, failure) => deps.learner.learn(asked, failure),
  });
  await outbound.health.settled();
  if (answer.ok) return { ok: true, capabilities: answer.value };
  return { ok: false, code: answer.error.peerCode ?? answer.error.code, message: answer.error.message };
};

/**
 * Enrolls with another gateway on behalf of a local user. All that can be checked is checked before the token is
 * spent; when something fails afterwards the error says so.
 *
 * @throws MosaicError `invalid_enrollment_url`, `address_refused`, `invalid_request` (no such user), `conflict` (name
 *   taken, too many peers), `grant_claimed` (another peer of this user holds the grant), and what `enroll` throws
 */
export const addPeer = async (deps: OutboundDeps, actor: Actor, input: AddPeer): Promise<AddedPeer> => {
  const user = await findUser(deps, input.user);
  const taken = await namesOf(deps, user.id);
  if (input.name !== undefined && taken.has(input.name)) {
    throw new MosaicError('conflict', { detail: 'This user has a peer of that name already.' });
  }
  const enrollment = await checkEnrollmentUrl(deps, input.enrollmentUrl);
  const enrolled = await enroll(deps, enrollment, user.id, actor.traceId);
  const { remoteGrantId } = enrolled.peer;
  const peer = await afterRedemption(remoteGrantId ?? '', () => store(deps, actor, enrolled, input.name));
  const firstCall = await callFirst(deps, peer, actor);
  return { peer: (await deps.storage.stores.peers.byId(peer.id)) ?? peer, firstCall };
};
