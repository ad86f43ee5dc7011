import { describe, expect, it } from 'vitest';
import { ConfigError, type ConfigIssue } from './issues.ts';
import { loadConfig, type ConfigSources } from './load.ts';

const KEY = btoa('k'.repeat(32));

const issuesOf = (sources: ConfigSources): readonly ConfigIssue[] => {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
};

const withFields = (fields: Record<string, unknown>): ConfigSources => ({ file: { version: 2, ...fields } });

describe('configuration: defaults', () => {
  it('is tier local on loopback with nothing configured', () => {
    const { config, warnings } = loadConfig({});
    expect(warnings).toEqual([]);
    expect(config).toEqual({
      tier: 'local',
      gatewayName: 'mosaic',
      dataDir: './data',
      databaseUrl: null,
      peersDatabaseUrl: null,
      maintenanceDatabaseUrl: null,
      database: {
        pools: { reads: { max: 3 }, search: { max: 3 }, writes: { max: 3 }, background: { max: 3 } },
        statementTimeoutMs: 10_000,
        requestTimeoutMs: 15_000,
        peerRequestTimeoutMs: 4_000,
        connectTimeoutMs: 3_000,
        queueLimit: 512,
        leaseSeconds: 10,
        caPath: null,
        urlFiles: { url: null, peersUrl: null, maintenanceUrl: null },
      },
      isMigrating: true,
      kv: { type: 'memory' },
      kvOutage: { whenDown: 'local', share: 0.5 },
      ca: { type: 'embedded' },
      publicListener: { kind: 'tcp', host: '127.0.0.1', port: 8080 },
      publicConnectionsPerAddress: 1_024,
      publicSocket: null,
      federationListener: { kind: 'tcp', host: '127.0.0.1', port: 8443 },
      front: null,
      federation: {
        url: null,
        enrollmentBaseUrl: null,
        serverNames: [],
        allowPrivateAddresses: false,
        allowLoopbackHttp: false,
        leafLifetimeSeconds: 30 * 86_400,
        peerTimeoutMs: 5000,
        circuitFailures: 5,
        circuitCooldownMs: 5000,
        peerRetries: 1,
        cacheTtlSeconds: 30,
        crlPollSeconds: 45,
        frontPollSeconds: 15,
        defaultRateLimitPerMinute: 60,
      },
      sealingKey: null,
      alertWebhookUrl: null,
      olderSealingKeys: [],
      logLevel: 'info',
      shutdownSeconds: 8,
      telemetry: null,
    });
  });

  it('reads text with a byte order mark', () => {
    expect(loadConfig({ file: '\uFEFF{"version":2,"gateway":{"name":"work"}}' }).config.gatewayName).toBe(
      'work',
    );
  });
});

describe('configuration: refused with path and expectation', () => {
  const cases: readonly (readonly [string, Record<string, unknown>, string, RegExp])[] = [
    ['an unknown key', { colour: 1 }, 'colour', /one of .*tier/],
    ['an unknown nested key', { listen: { public: { prot: 1 } } }, 'listen.public.prot', /host, port/],
    ['a wrong tier', { tier: 'huge' }, 'tier', /local, standalone, federated/],
    ['a port as text', { listen: { public: { port: '80' } } }, 'listen.public.port', /0 to 65535/],
    [
      'a port out of range',
      { listen: { federation: { port: 65_536 } } },
      'listen.federation.port',
      /0 to 65535/,
    ],
    ['a fraction', { listen: { public: { port: 1.5 } } }, 'listen.public.port', /whole number/],
    [
      'a host with a scheme',
      { listen: { public: { host: 'http://x' } } },
      'listen.public.host',
      /IP address/,
    ],
    ['a section that is a list', { federation: [] }, 'federation', /an object/],
    ['a section that is null', { log: null }, 'log', /an object/],
    ['a plain federation URL', { federation: { url: 'http://a' } }, 'federation.url', /https/],
    [
      'a federation URL with a path',
      { federation: { url: 'https://a/b' } },
      'federation.url',
      /nothing after/,
    ],
    ['a federation URL with a person', { federation: { url: 'https://u:p@a' } }, 'federation.url', /https/],
    [
      'a lifetime under 5 minutes',
      { federation: { leaf_lifetime: '299s' } },
      'federation.leaf_lifetime',
      /5m to 365d/,
    ],
    [
      'a lifetime over 365 days',
      { federation: { leaf_lifetime: '366d' } },
      'federation.leaf_lifetime',
      /5m to 365d/,
    ],
    [
      'a lifetime without unit',
      { federation: { leaf_lifetime: '30' } },
      'federation.leaf_lifetime',
      /duration/,
    ],
    [
      'a rate of nothing',
      { federation: { default_rate_limit_per_minute: 0 } },
      'federation.default_rate_limit_per_minute',
      /1 to/,
    ],
    [
      'a server name that is none',
      { federation: { server_names: ['ok', 'no good'] } },
      'federation.server_names[1]',
      /host names/,
    ],
    [
      'a truth as text',
      { federation: { allow_private_addresses: 'yes' } },
      'federation.allow_private_addresses',
      /true or false/,
    ],
    ['a name with a slash', { gateway: { name: 'a/b' } }, 'gateway.name', /a-z/],
    ['a short sealing key', { sealing: { key: 'c2hvcnQ=' } }, 'sealing.key', /32 bytes/],
    [
      'a database URL of another kind',
      { tier: 'standalone', sealing: { key: KEY }, database: { url: 'mysql://h/d' } },
      'database.url',
      /postgres:/,
    ],
  ];

  it.each(cases)('%s', (_name, fields, path, expected) => {
    const issues = issuesOf(withFields(fields));
    expect(issues).toHaveLength(1);
    expect(issues[0]?.path).toBe(path);
    expect(issues[0]?.expected).toMatch(expected);
  });

  it('a missing version', () => {
    expect(issuesOf({ file: {} })).toEqual([
      { path: 'version', message: 'is missing', expected: 'the number 2' },
    ]);
  });

  it('another version', () => {
    expect(issuesOf({ file: { version: 1 } })).toMatchObject([{ path: 'version', expected: 'the number 2' }]);
  });

  it.each(['', 'nonsense', '[]', 'null', '"text"', '{"version":2,}'])('a file with the text %j', (file) => {
    expect(issuesOf({ file })).toMatchObject([{ path: '$', expected: 'a JSON object' }]);
  });

  it('every fault at once, in a message an operator can read', () => {
    const sources = {
      file: { version: 2, tier: 'x', log: { level: 'loud' } },
      env: { MOSAIC_PUBLIC_PORT: 'abc' },
    };
    expect(() => loadConfig(sources)).toThrow(
      [
        'The configuration is not valid:',
        '  tier: is not valid; expected one of local, standalone, federated',
        '  MOSAIC_PUBLIC_PORT (listen.public.port): is not valid; expected a whole number from 0 to 65535',
        '  log.level: is not valid; expected one of debug, info, warn, error, silent',
      ].join('\n'),
    );
  });

  it('X-48 never with the value: it may be a secret', () => {
    const canary = 'canary-3f1e';
    const sources: readonly ConfigSources[] = [
      { file: `{"version":2,"database":{"url":"${canary}` },
      { file: { version: 2, tier: 'standalone', database: { url: `mysql://u:${canary}@h/d` } } },
      { env: { MOSAIC_TIER: 'standalone', DATABASE_URL: `mysql://u:${canary}@h/d` } },
      { env: { MOSAIC_SEALING_KEY: canary } },
      { env: { VALKEY_URL: `http://:${canary}@h`, MOSAIC_TIER: 'standalone' } },
    ];
    for (const source of sources) {
      expect(issuesOf(source).length).toBeGreaterThan(0);
      expect(() => loadConfig(source)).not.toThrow(canary);
    }
  });
});

describe('configuration: what no single field can tell', () => {
  it('a socket beside a port', () => {
    const federation = { socket: '/run/m.sock', port: 1 };
    const sources = withFields({ listen: { federation }, federation: { url: 'https://a' } });
    expect(issuesOf(sources)).toMatchObject([{ path: 'listen.federation', expected: 'one of the two' }]);
  });

  it('a socket needs the URL of the front', () => {
    expect(issuesOf(withFields({ listen: { federation: { socket: '/s' } } }))).toMatchObject([
      { path: 'federation.url' },
    ]);
    const { config } = loadConfig(
      withFields({ listen: { federation: { socket: '/s' } }, federation: { url: 'https://a/' } }),
    );
    expect(config.federationListener).toEqual({ kind: 'socket', path: '/s', frontSecret: null });
    expect(config.federation.url).toBe('https://a');
  });

  it.each([
    ['http://gateway.example:1', true, false],
    ['http://127.0.0.1:1', false, false],
    ['http://127.0.0.1:1', true, true],
    ['http://localhost:1', true, true],
    ['http://[::1]:1', true, true],
    ['http://127.0.0.1.example:1', true, false],
    ['https://gateway.example', false, true],
  ])('enrollment over %s with allow_loopback_http %s: accepted %s', (url, allow, accepted) => {
    const federation = { enrollment_base_url: url, allow_loopback_http: allow };
    expect(issuesOf(withFields({ federation })).length === 0).toBe(accepted);
  });

  it('a public socket needs the address of the front', () => {
    const listen = { public: { socket: '/p' } };
    expect(issuesOf(withFields({ listen }))).toMatchObject([{ path: 'federation.enrollment_base_url' }]);
    const federation = { enrollment_base_url: 'https://a' };
    expect(loadConfig(withFields({ listen, federation })).config.publicSocket).toBe('/p');
    expect(
      issuesOf(withFields({ listen: { public: { socket: 's'.repeat(108) } }, federation })),
    ).toMatchObject([
      { path: 'listen.public.socket', expected: expect.stringContaining('107 bytes') as string },
    ]);
  });

  it('an nginx in front needs a socket, a folder, and both of its files or neither', () => {
    const behind = { listen: { federation: { socket: '/s' } }, federation: { url: 'https://a' } };
    const front = (fields: Record<string, string>) => withFields({ ...behind, front: fields });
    const nginx = { nginx_config: '/etc/n.conf', nginx_pid_file: '/run/n.pid' };
    expect(loadConfig(front({ directory: '/f' })).config.front).toEqual({
      directory: '/f',
      nginx: null,
      refusedLog: null,
      requiresProof: true,
    });
    expect(loadConfig(front({ directory: '/f', ...nginx })).config.front).toEqual({
      directory: '/f',
      nginx: { config: '/etc/n.conf', pidFile: '/run/n.pid', binary: 'nginx' },
      refusedLog: null,
      requiresProof: true,
    });
    const unproven = withFields({ ...behind, front: { directory: '/f', require_proof: false } });
    expect(loadConfig(unproven).config.front?.requiresProof).toBe(false);
    const paths = (sources: ConfigSources) => issuesOf(sources).map(({ path }) => path);
    expect(paths(front(nginx))).toEqual(['front.directory']);
    expect(paths(front({ directory: '/f', nginx_config: '/c' }))).toEqual(['front.nginx_pid_file']);
    expect(paths(withFields({ front: { directory: '/f' } }))).toEqual(['listen.federation.socket']);
  });

  it('tier local refuses a database written for it, and only warns of one it inherits', () => {
    expect(issuesOf(withFields({ database: { url: 'postgres://h/d' } }))).toMatchObject([
      { path: 'database.url' },
    ]);
    const { config, warnings } = loadConfig({
      env: { DATABASE_URL: 'postgres://h/d', VALKEY_URL: 'valkey://h' },
    });
    expect(config.databaseUrl).toBeNull();
    expect(warnings).toEqual([
      'DATABASE_URL has no effect in tier local, which brings its own.',
      'VALKEY_URL has no effect in tier local, which brings its own.',
    ]);
  });

  it('tier standalone names all that is missing', () => {
    expect(issuesOf(withFields({ tier: 'standalone' })).map(({ path }) => path)).toEqual([
      'database.url',
      'database.peers_url',
      'sealing.key',
    ]);
  });

  it('F-13 the login for maintenance is not needed to serve, only to migrate', () => {
    const database = { url: 'postgres://a@h/d', peers_url: 'postgres://p@h/d' };
    const of = (more: object) =>
      withFields({ tier: 'standalone', sealing: { key: KEY }, database: { ...database, ...more } });
    expect(loadConfig(of({})).config).toMatchObject({ isMigrating: false, maintenanceDatabaseUrl: null });
    expect(loadConfig(of({ maintenance_url: 'postgres://m@h/d' })).config).toMatchObject({
      isMigrating: true,
    });
    expect(loadConfig(of({ maintenance_url: 'postgres://m@h/d', migrate: false })).config.isMigrating).toBe(
      false,
    );
    expect(issuesOf(of({ migrate: true })).map(({ path }) => path)).toEqual(['database.maintenance_url']);
  });

  it('tier federated names all that is missing', () => {
    const paths = issuesOf(withFields({ tier: 'federated' })).map(({ path }) => path);
    expect(paths).toEqual([
      'database.url',
      'database.peers_url',
      'kv.url',
      'ca.url',
      'ca.root_cert_path',
      'ca.intermediate_cert_path',
      'ca.root_crl_path',
      'ca.provisioner_key',
      'ca.tls_provisioner_key',
      'sealing.key',
    ]);
  });

  const federated = {
    MOSAIC_TIER: 'federated',
    DATABASE_URL: 'postgres://u:p@db:5432/m',
    DATABASE_PEERS_URL: 'postgres://p:p@db:5432/m',
    VALKEY_URL: 'valkey://kv:6379',
    STEP_CA_URL: 'https://ca:9000/',
    STEP_CA_ROOT_CERT_PATH: '/ca/root.crt',
    STEP_CA_INTERMEDIATE_CERT_PATH: '/ca/intermediate.crt',
    STEP_CA_ROOT_CRL_PATH: '/ca/root.crl',
    STEP_CA_PROVISIONER_KEY_JSON: 'fed',
    STEP_CA_TLS_PROVISIONER_KEY_JSON: 'tls',
    MOSAIC_SEALING_KEY: KEY,
  };

  it('tier federated parses when all is there', () => {
    const { config } = loadConfig({ env: federated });
    expect(config).toMatchObject({
      tier: 'federated',
      kv: { type: 'valkey', url: 'valkey://kv:6379', passwordFile: null, caPath: null },
      ca: {
        type: 'step-ca',
        url: 'https://ca:9000',
        rootCertPath: '/ca/root.crt',
        intermediateCertPath: '/ca/intermediate.crt',
        rootCrlPath: '/ca/root.crl',
        provisionerKey: 'fed',
        tlsProvisionerKey: 'tls',
        provisionerPassword: null,
      },
    });
    expect(config.sealingKey).toEqual(new TextEncoder().encode('k'.repeat(32)));
  });

  it('tier federated takes neither memory nor its own authority', () => {
    const env = { ...federated, MOSAIC_KV_TYPE: 'memory', MOSAIC_CA_TYPE: 'embedded' };
    expect(issuesOf({ env }).map(({ path }) => path)).toEqual(['kv.type', 'ca.type']);
  });

  it('the password of Valkey comes by the URL, beside it, or from a file that is read at each connection', () => {
    const kvOf = (env: Record<string, string>) =>
      loadConfig({ env: { ...federated, ...env }, readFile: () => 'from-file\n' }).config.kv;
    const url = 'valkey://mosaic@kv:6379';
    expect(kvOf({ VALKEY_URL: url, VALKEY_PASSWORD: 'p@ss/word' })).toMatchObject({
      url: 'valkey://mosaic:p%40ss%2Fword@kv:6379',
    });
    expect(kvOf({ VALKEY_URL: url, VALKEY_PASSWORD_FILE: '/run/p' })).toMatchObject({
      url,
      passwordFile: '/run/p',
    });
    const both = { VALKEY_URL: 'valkey://m:a@kv', VALKEY_PASSWORD: 'b' };
    expect(issuesOf({ env: { ...federated, ...both } })).toMatchObject([{ path: 'kv.password' }]);
  });

  it('Upstash in place of Valkey needs address and token', () => {
    const { VALKEY_URL: _, ...rest } = federated;
    const env = { ...rest, UPSTASH_REDIS_REST_URL: 'https://kv.example' };
    expect(issuesOf({ env })).toMatchObject([{ path: 'kv.rest_token' }]);
    expect(loadConfig({ env: { ...env, UPSTASH_REDIS_REST_TOKEN: 't' } }).config.kv).toEqual({
      type: 'upstash',
      url: 'https://kv.example',
      token: 't',
    });
  });
});
