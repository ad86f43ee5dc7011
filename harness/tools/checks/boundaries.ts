/**
 * Who may import whom: the one table behind the lint overrides, made when lint runs, and the boundary test.
 * docs/explanation/architecture.md tells the same in prose.
 */

export interface Zone {
  readonly name: string;
  /** Globs of the files it covers, relative to the checkout; the first zone that matches a file is its zone. */
  readonly files: readonly string[];
  /** Globs of files it may import; `!` takes some out again. Its own files are always allowed. */
  readonly imports: readonly string[];
  /** Packages it may import: exact names, or a whole npm scope as `@scope/*`. */
  readonly packages: readonly string[];
  /** Portable code runs unchanged on Node, Deno and workerd: web standards only, no `node:`, no `process`. */
  readonly portable: boolean;
}

const HONO = ['hono', '@hono/*'];
/** Small pure packages without I/O. */
const PURE = ['@noble/hashes', 'canonicalize', 'lru-cache'];
const COMMAND_LINE = ['commander', 'cli-table3'];

/** What every room of the core stands on. */
const RULES = ['domain/**', 'src/app/deps.ts'];
const AUTHORITY = ['ca/authority.ts', 'ca/x509/**'];
const SHARED_ROUTES = ['routes/{http,middleware,openapi}/**'];
/** The rooms of use cases. Of these `inbound` (we are asked) and `outbound` (we ask) never import each other. */
const SERVICES =
  'src/{kernel,protocol,audit,inbound,outbound,peers,resources,directory,operations,telemetry}/**';

/** A room of use cases: portable, without HTTP and SQL. */
const room = (name: string, imports: readonly string[]): Zone => ({
  name,
  files: [`src/${name}/**`],
  imports: [...RULES, ...imports],
  packages: PURE,
  portable: true,
});

/** Only tests and their helpers; left out of the package and of the portable project. */
export const TEST_FILES = ['**/*.test.ts', '**/*.contract.ts', '**/*.testkit.ts'];

export const ZONES: readonly Zone[] = [
  {
    name: 'harness',
    files: ['harness/**'],
    imports: ['**'],
    packages: ['*'],
    portable: false,
  },
  {
    name: 'tests',
    files: TEST_FILES,
    imports: ['{domain,ca,db,routes,src,infra}/**'],
    packages: ['*'],
    portable: false,
  },
  { name: 'domain', files: ['domain/**'], imports: [], packages: [], portable: true },
  {
    name: 'ca',
    files: ['ca/**'],
    imports: ['domain/**'],
    packages: ['pkijs', 'asn1js', 'jose', '@noble/hashes', 'cockatiel'],
    portable: true,
  },
  {
    name: 'db',
    files: ['db/**'],
    imports: ['domain/**'],
    packages: ['drizzle-orm', 'postgres', '@electric-sql/*', 'jose', '@noble/hashes'],
    portable: true,
  },
  {
    name: 'routes-inbound',
    files: ['routes/{inbound,enrollment}/**'],
    imports: [...RULES, ...SHARED_ROUTES, 'src/{kernel,protocol,audit,inbound}/**'],
    packages: [...HONO, 'zod'],
    portable: true,
  },
  {
    name: 'routes-query',
    files: ['routes/query/**'],
    imports: ['domain/**', ...SHARED_ROUTES, 'routes/resources/**', 'src/{outbound,peers}/**'],
    packages: [...HONO, 'zod'],
    portable: true,
  },
  {
    name: 'routes',
    files: ['routes/**'],
    imports: [...RULES, 'routes/query/**', SERVICES],
    packages: [...HONO, 'zod'],
    portable: true,
  },
  room('kernel', ['ca/x509/**']),
  room('protocol', []),
  room('audit', ['src/kernel/**']),
  room('inbound', [...AUTHORITY, 'src/{kernel,protocol,audit}/**']),
  {
    ...room('outbound', ['ca/x509/**', 'src/{kernel,protocol,audit}/**']),
    packages: [...PURE, 'cockatiel', 'zod'],
  },
  room('peers', ['src/{kernel,audit,inbound,outbound}/**']),
  room('resources', ['src/kernel/**']),
  room('directory', ['src/{kernel,audit,inbound}/**']),
  room('operations', [...AUTHORITY, 'src/{kernel,audit,inbound,outbound,peers}/**']),
  room('telemetry', ['src/{kernel,inbound,outbound,operations}/**']),
  {
    name: 'kv-valkey',
    files: ['src/kv/valkey*.ts'],
    imports: ['domain/**', 'src/kv/commands.ts', 'src/kv/over-commands.ts'],
    packages: ['iovalkey'],
    portable: false,
  },
  {
    name: 'kv',
    files: ['src/kv/**'],
    imports: ['domain/**'],
    packages: ['lru-cache', '@noble/hashes', '@upstash/redis', 'hono'],
    portable: true,
  },
  {
    name: 'deps',
    files: ['src/app/deps.ts'],
    imports: ['domain/**', 'ca/authority.ts'],
    packages: [],
    portable: true,
  },
  {
    name: 'app',
    files: ['src/app/app.ts'],
    imports: ['routes/**', 'src/app/{assemble,deps}.ts', 'src/inbound/deps.ts'],
    packages: HONO,
    portable: true,
  },
  {
    name: 'runtimes',
    files: ['src/runtimes/**'],
    imports: ['{domain,ca,db,routes}/**', 'src/**', '!src/cli/**'],
    packages: ['*', ...COMMAND_LINE.map((name) => `!${name}`)],
    portable: false,
  },
  {
    name: 'cli',
    files: ['src/cli/**'],
    imports: ['domain/**', 'src/config/**', 'src/runtimes/**'],
    packages: [...HONO, ...COMMAND_LINE, 'zod'],
    portable: false,
  },
  {
    name: 'assembly',
    files: ['src/**'],
    imports: ['{domain,ca,db,routes}/**', 'src/**', '!src/runtimes/**', '!src/cli/**'],
    packages: [...HONO, ...PURE, 'jose', 'zod'],
    portable: true,
  },
  { name: 'infra', files: ['infra/**'], imports: [], packages: [], portable: false },
  {
    name: 'launcher',
    files: ['bin/*.mjs', 'bin/*.d.mts', 'boot.mjs'],
    imports: ['bin/*.mjs'],
    packages: [],
    portable: false,
  },
  { name: 'tools', files: ['*.config.ts', '*.config.mjs'], imports: [], packages: ['*'], portable: false },
];

/** Names that exist on one runtime only. */
export const HOST_NAMES = [
  'process',
  'Buffer',
  'Deno',
  'Bun',
  'NodeJS',
  'require',
  'global',
  '__dirname',
  '__filename',
  'setImmediate',
  'clearImmediate',
];

/** Modules of one runtime, by prefix. */
export const HOST_MODULES = ['node:', 'cloudflare:', 'bun:', 'workerd:'];
