import postgres from 'postgres';
import type { HarnessHandle } from '../handle.ts';
import { readSecret, setupTokenOfState } from '../stack/plan.ts';
import type { Side } from '../stack/state.ts';
import { trustingFetch } from '../stack/trusting-fetch.ts';
import { RefusedError, send, type Caller } from './api.ts';
import { fillHome, fillWork } from './people.ts';
import { termsOf, VARIANTS, type Variant, type VariantTerms } from './variants.ts';

export type { Variant } from './variants.ts';

export interface SeededGrant {
  /** Of the grant at B. */
  readonly id: string;
  /** Of the peer at A. */
  readonly peerId: string;
  /** `source=federated:<peerName>`. */
  readonly peerName: string;
}

export interface Seed<V extends Variant = Variant> {
  readonly grants: Readonly<Record<V, SeededGrant>>;
  /** API tokens: the administrators of both gateways, the subject and a colleague at B, the person at A. */
  readonly tokens: Readonly<Record<'adminA' | 'adminB' | 'userA' | 'userB' | 'colleagueB', string>>;
}

const RESET = 'npm run harness -- down --volumes';

const firstAdmin = async (handle: HarnessHandle, side: Side): Promise<Caller> => {
  const { baseUrl, name } = handle.state.gateways[side];
  const nobody: Caller = { fetch: trustingFetch(handle.rootPem), baseUrl, token: null };
  try {
    const { token } = await send(nobody, '/api/bootstrap/setup', {
      name: 'admin',
      setup_token: setupTokenOfState(handle.state.gateways[side]),
    });
    return { ...nobody, token: token.text };
  } catch (error) {
    if (!(error instanceof RefusedError && error.status === 409)) throw error;
    throw new Error(
      `${name} (${baseUrl}) has users already, and seeding starts from nothing. Reset it with: ${RESET}`,
      { cause: error },
    );
  }
};

/** As somebody with access to B's database would: the API would refuse a scope that contradicts itself. */
const excludeByHand = async (handle: HarnessHandle, grantId: string, resources: readonly string[]) => {
  const url = readSecret(handle.state.gateways.b.databaseMaintenanceUrlFile);
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const changed = await sql`
      update federation_grants
      set scope = jsonb_set(scope, '{excluded_resources}', ${sql.json([...resources])})
      where id = ${grantId}`;
    if (changed.count !== 1) throw new Error(`grant ${grantId} could not be edited`);
  } finally {
    await sql.end();
  }
};

const enroll = async (
  [home, work]: readonly [Caller, Caller],
  people: { readonly subject: string; readonly owner: string },
  terms: VariantTerms,
): Promise<SeededGrant> => {
  const { grant, enrollment } = await send(work, '/api/admin/grants', {
    user: people.subject,
    peer: `home-${terms.peerName}`,
    scope: terms.scope,
    ...(terms.approveSensitive ? { approve_sensitive: true } : {}),
  });
  const peer = await send(home, '/api/admin/peers', {
    enrollment_url: enrollment.url,
    user: people.owner,
    name: terms.peerName,
  });
  return { id: grant.id, peerId: peer.id, peerName: terms.peerName };
};

export const seedStack = async <V extends Variant>(
  handle: HarnessHandle,
  which: Variant | 'all',
): Promise<Seed<V>> => {
  // B first: where it is used, A is left as it was.
  const work = await firstAdmin(handle, 'b');
  const home = await firstAdmin(handle, 'a');
  const [{ subject, colleague, teamT1 }, owner] = await Promise.all([fillWork(work), fillHome(home)]);
  const grants: Partial<Record<Variant, SeededGrant>> = {};
  for (const variant of which === 'all' ? VARIANTS : [which]) {
    const terms = termsOf(variant, teamT1);
    const people = { subject: subject.name, owner: owner.name };
    const grant = await enroll([home, work], people, terms);
    if (terms.excludedByHand.length > 0) await excludeByHand(handle, grant.id, terms.excludedByHand);
    grants[variant] = grant;
  }
  return {
    grants: grants as Record<V, SeededGrant>,
    tokens: {
      adminA: home.token ?? '',
      adminB: work.token ?? '',
      userA: owner.token,
      userB: subject.token,
      colleagueB: colleague.token,
    },
  };
};
