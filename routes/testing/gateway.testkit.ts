import { createEmbeddedAuthority } from '../../ca/embedded/authority.ts';
import { makeKeyMaker } from '../../ca/x509/request.ts';
import { toBase64 } from '../../ca/x509/pem.ts';
import { openPgliteStorage } from '../../db/connect/pglite.ts';
import { createSealer, sealingKey } from '../../db/sealing/seal.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { Clock, Log, Random } from '../../domain/ports/basics.ts';
import type { AuditEntry } from '../../domain/audit/entry.ts';
import type { CoreSettings, Deps } from '../../src/app/deps.ts';
import { createMemoryKeyValue } from '../../src/kv/memory.ts';
import { createAuditQueue } from '../../src/audit/audit-queue.ts';
import { loadGatewayKeys } from '../../src/operations/gateway-keys.ts';
import { createSignInLimits } from '../../src/directory/sign-in-limits.ts';
import { createWorkInFlight } from '../../src/kernel/work-in-flight.ts';
import { publishPki } from '../../src/inbound/revocation/published-pki.ts';
import { newAuditChains } from '../../src/app/wire.ts';
import { auditRoutes } from '../admin/audit.ts';
import { grantRoutes } from '../admin/grants.ts';
import { teamRoutes } from '../admin/teams.ts';
import { userRoutes } from '../admin/users.ts';
import { bootstrapRoutes } from '../public/bootstrap.ts';
import { enrollmentRoutes } from '../enrollment/index.ts';
import { certificateHeader } from '../inbound/certificate-header.ts';
import { federationApp } from '../inbound/index.ts';
import { createBase } from '../http/http.ts';
import { sha256 } from '../../src/kernel/mac.ts';
import { assemble } from '../../src/app/assemble.ts';
import { createSpanIds } from '../../src/kernel/span-ids.ts';

/** One gateway in this process: a real database, authority, sealer and queue; no sockets. */

const clock: Clock = { now: () => new Date() };
const random: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) };

export const settings: CoreSettings = {
  gatewayName: 'work',
  federationUrl: 'https://work.example:8443',
  enrollmentBaseUrl: 'https://work.example:8443',
  leafLifetimeSeconds: 30 * 86_400,
  enrollmentTokenSeconds: 900,
  defaultRateLimitPerMinute: 10_000,
  allowPrivateAddresses: false,
  allowLoopbackHttp: false,
  peerTimeoutMs: 1_000,
  circuitFailures: 5,
  circuitCooldownMs: 10_000,
  peerRetries: 0,
  cacheTtlSeconds: 30,
  bodyLimitBytes: 64 * 1024,
};

const unused = (): never => {
  throw new Error('this gateway calls nobody');
};

interface Row {
  readonly id: string;
  readonly name: string;
  readonly status: string | number;
}

/** Members of answers that tests look at. Which of them an answer really has is what an assertion finds out. */
export interface Body extends Row {
  /** What the gateway signed about a revocation. */
  readonly statement: string;
  readonly code: string;
  readonly trace_id: string;
  readonly items: readonly Row[];
  readonly next_cursor: string | null;
  readonly issues: readonly { readonly path: string }[];
  readonly resources: readonly Row[];
  readonly server_time: string;
  readonly grant: Row & { readonly peer: Row; readonly scope: unknown; readonly subject_user_id: string };
  readonly peer: Row;
  readonly scope: unknown;
  readonly enrollment: { readonly url: string };
  readonly token: { readonly text: string };
  readonly certificate: string;
  readonly not_after: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

const read = async (response: Response): Promise<Answer> => {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: JSON.parse(text === '' ? 'null' : text) as Body,
  };
};

export const startGateway = async (override: (deps: Deps) => Partial<Deps> = () => ({})) => {
  const storage = await openPgliteStorage();
  const sealer = createSealer({ current: await sealingKey(random.bytes(32)) });
  const lines: string[] = [];
  const line =
    (level: string): Log['info'] =>
    (message, fields) =>
      void lines.push(
        JSON.stringify({ level, message, ...fields }, (_, value: unknown) =>
          value instanceof Error
            ? { name: value.name, message: value.message, stack: value.stack, cause: value.cause }
            : value,
        ),
      );
  const log: Log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const ca = await createEmbeddedAuthority({
    store: storage.stores.embeddedCa,
    secrets: storage.stores.secrets,
    sealer,
    clock,
    random,
    crlLifetimeSeconds: 86_400,
    commonName: 'work',
  });
  const keys = await loadGatewayKeys({ secrets: storage.stores.secrets, sealer, random });
  const queue = createAuditQueue({
    store: storage.stores.audit,
    chainStore: storage.stores.auditChain,
    chains: newAuditChains(),
    signer: keys.auditSigner,
    strictMs: 500,
    clock,
    log,
    capacity: 10_000,
    flushMs: 50,
    batch: 200,
  });
  const base: Deps = {
    settings,
    storage,
    kv: createMemoryKeyValue({ clock }),
    ca,
    pki: publishPki(ca, clock).pki,
    sealer,
    keys,
    audit: queue,
    work: createWorkInFlight(),
    signIns: createSignInLimits(clock),
    setup: { tokenHash: sha256(new TextEncoder().encode('setup_test')), isOpenOnLoopback: true },
    transport: { connect: unused, pinnedRoot: unused, anonymous: unused, assertAddressAllowed: unused },
    keyMaker: makeKeyMaker(),
    clock,
    ids: { uuid: () => crypto.randomUUID() },
    random,
    newSpanId: createSpanIds(random),
    hash: sha256,
    log,
  };
  const deps = assemble({ ...base, ...override(base) });
  const app = createBase(deps);
  app.route('/api/bootstrap', bootstrapRoutes(deps));
  app.route('/api/admin/users', userRoutes(deps));
  app.route('/api/admin/teams', teamRoutes(deps));
  app.route('/api/admin/grants', grantRoutes(deps));
  app.route('/api/admin/audit', auditRoutes(deps));
  app.route('/enrollment/v1', enrollmentRoutes(deps));
  // Two replicas: each with its own snapshots of grants, on one database and one key-value store.
  const federations = [
    federationApp(deps, certificateHeader),
    federationApp(deps, certificateHeader),
  ] as const;

  const call = async (
    path: string,
    options: { method?: string; body?: unknown; token?: string; env?: object } = {},
  ) =>
    read(
      await app.request(
        path,
        {
          method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
          headers: {
            ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
            ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        },
        options.env,
      ),
    );

  const setup = await call('/api/bootstrap/setup', { body: { name: 'root' } });
  if (setup.status !== 201) throw new Error(setup.text);
  const token = setup.body.token.text;
  const admin = async (path: string, body?: unknown, method?: string) =>
    call(`/api/admin${path}`, {
      token,
      ...(body === undefined ? {} : { body }),
      ...(method === undefined ? {} : { method }),
    });
  /** Runs SQL with the owner's rights: for looking underneath and for editing by hand. */
  const sql = async (text: string, parameters: unknown[] = []): Promise<Record<string, unknown>[]> => {
    await storage.client.exec('reset role');
    try {
      return (await storage.client.query<Record<string, unknown>>(text, parameters)).rows;
    } finally {
      await storage.client.exec('set role mosaic_app');
    }
  };
  let serial = 0;
  const unique = (word: string): string => `${word}-${(serial += 1)}`;

  return {
    deps,
    queue,
    lines,
    call,
    admin,
    adminToken: token,
    sql,
    unique,
    user: async (name = unique('user')): Promise<{ id: string; name: string }> =>
      (await admin('/users', { name })).body,
    /** A pending grant with its URL's token. */
    grant: async (
      user: string,
      scope: unknown = { resources: ['tasks'], max_rows_per_query: 100 },
      more: object = {},
    ) => {
      const made = await admin('/grants', { user, peer: unique('peer'), scope, ...more });
      if (made.status !== 201) throw new Error(made.text);
      const url = made.body.enrollment.url;
      return { grant: made.body.grant, url, token: /#token=([^&]+)/.exec(url)?.[1] ?? '' };
    },
    redeem: async (body: { token: unknown; csr: unknown }, env?: object) =>
      call('/enrollment/v1/redeem', { body, ...(env === undefined ? {} : { env }) }),
    newCsr: async () => (await deps.keyMaker.keyAndCsr()).csrPem,
    /** A peer's request, as the TLS front would hand it over. */
    ask: async (der: Uint8Array | null, path: string, init: RequestInit = {}, replica: 0 | 1 = 0) =>
      read(
        await federations[replica].request(path, {
          ...init,
          headers: {
            ...(der === null ? {} : { 'client-cert': `:${toBase64(der)}:` }),
            ...(init.headers as Record<string, string>),
          },
        }),
      ),
    audited: async (where: (entry: AuditEntry) => boolean): Promise<readonly AuditEntry[]> => {
      await queue.flush();
      return (await storage.stores.audit.list({ limit: 1_000, after: null }, {})).items.filter(where);
    },
    close: async (): Promise<void> => {
      await queue.stop(1_000);
      await storage.close();
    },
  };
};

export type Gateway = Awaited<ReturnType<typeof startGateway>>;

/** The authority as it looks when its host is gone. */
export const unreachable = (): never => {
  throw new MosaicError('ca_unavailable', { cause: new Error('connect ECONNREFUSED') });
};
