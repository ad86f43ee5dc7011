import type { AuditEntry } from '../../domain/audit/entry.ts';
import type { Grant } from '../../domain/grants/grant.ts';
import type { CertificateIdentity } from '../../domain/peers/identity.ts';
import { NEVER_ASKED } from '../../domain/peers/peer.ts';
import type { Page, PageRequest } from '../../domain/ports/page.ts';
import type { Storage } from '../../domain/ports/storage.ts';
import type { Result } from '../../domain/result.ts';
import type { Scope } from '../../domain/scope/scope.ts';

export const T0 = new Date('2026-03-01T09:00:00.000Z');
export const at = (seconds: number): Date => new Date(T0.getTime() + seconds * 1000);
export const FAR = new Date('2100-01-01T00:00:00.000Z');

export const scopeOf = (scope: Partial<Scope> = {}): Scope => ({
  resources: ['tasks'],
  excluded_resources: [],
  filters: {},
  max_rows_per_query: 10_000,
  ...scope,
});

const users = new WeakMap<Storage, number>();

/** A user with a name of its own. */
export const aUser = async (storage: Storage, isAdmin = false, called = 'user'): Promise<string> => {
  const count = (users.get(storage) ?? 0) + 1;
  users.set(storage, count);
  const id = crypto.randomUUID();
  await storage.stores.users.insert({ id, name: `${called}-${count}`, isAdmin, createdAt: at(count) });
  return id;
};

export const aTeam = async (storage: Storage, ...members: readonly string[]): Promise<string> => {
  const id = crypto.randomUUID();
  await storage.transaction(
    async ({ teams }) => {
      await teams.insert({ id, name: `team-${id.slice(0, 8)}`, createdAt: T0 });
      for (const userId of members)
        await teams.putMember({ teamId: id, userId, role: 'member', createdAt: T0 });
    },
    { asAdmin: true },
  );
  return id;
};

export const aPeer = async (storage: Storage): Promise<string> => {
  const id = crypto.randomUUID();
  await storage.stores.peers.insert({
    id,
    direction: 'inbound',
    name: `peer-${id.slice(0, 8)}`,
    state: 'active',
    createdAt: T0,
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
  return id;
};

export interface Enrolled {
  readonly grant: Grant;
  readonly identity: CertificateIdentity;
}

export const pendingGrant = (peerId: string, subjectUserId: string, scope: Scope): Grant => ({
  id: crypto.randomUUID(),
  peerId,
  subjectUserId,
  scope,
  status: 'pending',
  version: 1,
  rateLimitPerMinute: null,
  cacheTtlSeconds: null,
  auditStrict: false,
  createdAt: T0,
  activatedAt: null,
  expiresAt: null,
  revokedAt: null,
  revokedReason: null,
});

/** An active grant with an issued certificate, made through the stores. */
export const anActiveGrant = async (
  storage: Storage,
  subjectUserId: string,
  scope = scopeOf(),
): Promise<Enrolled> => {
  const { grants, certificates } = storage.stores;
  const pending = pendingGrant(await aPeer(storage), subjectUserId, scope);
  await grants.insert({ grant: pending, auditKeySealed: 'sealed' });
  const certificateId = crypto.randomUUID();
  const serial = crypto.randomUUID().replaceAll('-', '');
  await certificates.insertRequested(certificateId, pending.id, T0);
  await certificates.markIssued(certificateId, {
    serial,
    fingerprint: 'f'.repeat(64),
    notBefore: T0,
    notAfter: FAR,
  });
  const grant = await grants.activate(pending.id, T0);
  if (grant === null) throw new Error('the grant was not activated');
  return {
    grant,
    identity: {
      grantId: grant.id,
      subjectUserId,
      serial,
      fingerprint: 'f'.repeat(64),
      notBefore: T0,
      notAfter: FAR,
    },
  };
};

/** Everything a paged list gives, page by page. */
export const allPages = async <T>(
  list: (page: PageRequest) => Promise<Page<T>>,
  limit: number,
): Promise<readonly T[]> => {
  const items: T[] = [];
  let after: PageRequest['after'] = null;
  do {
    const page: Page<T> = await list({ limit, after });
    items.push(...page.items);
    after = page.next;
  } while (after !== null);
  return items;
};

export const anEntry = (entry: Partial<AuditEntry> = {}): AuditEntry => ({
  id: crypto.randomUUID(),
  at: T0,
  grantId: null,
  peerId: null,
  subjectUserId: null,
  actorUserId: null,
  verb: 'list',
  resource: 'tasks',
  action: null,
  queryHash: 'c'.repeat(64),
  outcome: 'allowed',
  reasonCode: null,
  status: 200,
  bytesOut: 1234,
  latencyMs: 1.25,
  traceId: 'd'.repeat(32),
  writerId: null,
  seq: null,
  head: null,
  ...entry,
});

/** The value of what must have succeeded. */
export const must = <T>(result: Result<T, unknown>): T => {
  if (!result.ok) throw new Error(`denied: ${String(result.error)}`);
  return result.value;
};
