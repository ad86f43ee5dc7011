import { FEDERATION_TESTS, SEARCH_TESTS, SQL_TESTS, x509, type Guard } from './guard-tests.ts';

/*
 * The guard files: code whose loss would let somebody have what they may not. Each with the narrowest tests that have to notice.
 * The first group of tests is asked first; a later group only when it noticed nothing.
 */

export const GUARDS: readonly Guard[] = [
  {
    area: 'access',
    files: ['domain/access/decide.ts', 'domain/access/write.ts', 'domain/scope/narrow.ts'],
    tests: [['domain/access/decide.test.ts']],
  },
  {
    area: 'scope',
    files: ['domain/scope/parse.ts', 'domain/uuid.ts'],
    tests: [['domain/scope/parse.test.ts', 'domain/uuid.test.ts']],
  },
  {
    area: 'cursor',
    files: ['domain/paging/cursor.ts', 'domain/paging/search-cursor.ts', 'domain/bytes.ts'],
    tests: [['domain/paging/cursor.test.ts', 'domain/paging/search-cursor.test.ts', 'domain/bytes.test.ts']],
  },
  {
    area: 'peers',
    files: [
      'domain/peers/identity.ts',
      'domain/peers/peer.ts',
      'domain/peers/reissue.ts',
      'domain/peers/renewal.ts',
      'domain/grants/grant.ts',
    ],
    tests: [
      [
        'domain/peers/identity.test.ts',
        'domain/peers/peer.test.ts',
        'domain/peers/reissue.test.ts',
        'domain/peers/renewal.test.ts',
        'domain/grants/grant.test.ts',
      ],
    ],
  },
  { area: 'audit', files: ['domain/audit/entry.ts'], tests: [['domain/audit/entry.test.ts']] },
  {
    area: 'seal',
    files: ['db/sealing/seal.ts', 'db/sealing/seal-check.ts'],
    tests: [['db/sealing/seal.test.ts', 'db/sealing/seal-check.test.ts']],
  },
  {
    area: 'rate-limit',
    files: ['domain/token-bucket.ts', 'src/kernel/rate-limit.ts'],
    tests: [
      [
        'domain/token-bucket.test.ts',
        'src/kernel/rate-limit.test.ts',
        'src/kv/memory.test.ts',
        'src/kv/token-bucket.test.ts',
      ],
    ],
  },
  {
    area: 'rate-limit',
    files: [
      'src/kernel/address-bucket.ts',
      'src/kernel/redeem-limits.ts',
      'src/kernel/early-limit.ts',
      'src/directory/sign-in-limits.ts',
    ],
    tests: [
      [
        'src/kernel/address-bucket.test.ts',
        'src/kernel/redeem-limits.test.ts',
        'src/kernel/early-limit.test.ts',
        'src/directory/sign-in-limits.test.ts',
      ],
    ],
  },
  {
    area: 'tokens',
    files: ['src/directory/tokens-text.ts', 'src/kernel/token-mark.ts'],
    tests: [['src/directory/tokens-text.test.ts', 'src/kernel/token-mark.test.ts']],
  },
  {
    area: 'rate-limit',
    files: ['routes/enrollment/early-guard.ts', 'src/inbound/enrollment/enrollment-token.ts'],
    tests: [['src/kernel/token-mark.test.ts'], ['routes/enrollment/made-up-tokens.integration.test.ts']],
  },
  {
    area: 'tokens',
    files: ['src/directory/tokens.ts'],
    tests: [['routes/middleware/guarded.integration.test.ts', 'routes/admin/access.integration.test.ts']],
  },
  {
    area: 'tokens',
    files: ['db/stores/directory/tokens.ts'],
    tests: [
      ['db/stores/directory/tokens.integration.test.ts'],
      ['routes/middleware/guarded.integration.test.ts'],
    ],
  },
  {
    area: 'auth',
    files: ['routes/middleware/auth.ts'],
    tests: [
      ['routes/middleware/auth.test.ts', 'routes/middleware/auth-middleware.test.ts'],
      ['routes/middleware/guarded.integration.test.ts', 'routes/middleware/sign-in.integration.test.ts'],
    ],
  },
  x509('certificate', ['certificate', 'shape'], ['der-bounds']),
  x509('csr', ['csr']),
  x509('der', ['der-values', 'der'], ['der-bounds']),
  x509('der-walk', ['der-walk', 'der'], ['der-bounds']),
  x509('extension', ['extension']),
  x509('identity', ['identity']),
  x509('names', ['names']),
  x509('pem', ['pem-strict'], ['pem', 'der-bounds']),
  x509('public-key', ['public-key-bounds', 'public-key']),
  x509('shape', ['shape']),
  x509('usage', ['usage']),
  { area: 'x509', files: ['ca/verify.ts'], tests: [['ca/verify-bounds.test.ts', 'ca/verify.test.ts']] },
  x509('crl-read', ['crl-head', 'crl-read'], ['der-bounds']),
  x509('crl-entries', ['crl-entries', 'crl-read'], ['der-bounds']),
  {
    area: 'cache',
    files: ['src/outbound/cache/cache.ts'],
    tests: [
      [
        'src/outbound/cache/cache-times.test.ts',
        'src/outbound/cache/cache-shared.test.ts',
        'src/outbound/cache/cache.test.ts',
      ],
      ['src/outbound/query/query-cache.test.ts'],
    ],
  },
  {
    area: 'flights',
    files: ['src/outbound/cache/flights.ts'],
    tests: [
      ['src/outbound/cache/flights.test.ts', 'src/outbound/cache/flights-times.test.ts'],
      ['src/outbound/query/query-cache.test.ts'],
    ],
  },
  {
    area: 'epochs',
    files: ['src/outbound/cache/epochs.ts'],
    tests: [
      ['src/outbound/cache/epochs.test.ts', 'src/outbound/cache/epochs-news.test.ts'],
      ['src/outbound/query/query-cache.test.ts'],
    ],
  },
  {
    area: 'inbound',
    files: ['routes/inbound/certificate-header.ts'],
    tests: [['routes/inbound/certificate-header.test.ts']],
  },
  {
    area: 'inbound',
    files: ['routes/inbound/inbound.ts'],
    tests: [['routes/inbound/inbound.test.ts', 'routes/inbound/inbound-audit.test.ts'], FEDERATION_TESTS],
  },
  {
    area: 'serve',
    files: ['src/inbound/read/serve.ts'],
    tests: [['src/inbound/read/serve.test.ts', 'src/inbound/read/serve-limits.test.ts'], FEDERATION_TESTS],
  },
  ...['redeem', 'redeem-claim', 'redeem-conclude'].map((name) => ({
    area: 'redeem',
    files: [`src/inbound/enrollment/${name}.ts`],
    tests: [[`src/inbound/enrollment/${name}.test.ts`]],
  })),
  {
    area: 'renew',
    files: ['src/inbound/renewal/renew.ts'],
    tests: [
      ['src/inbound/renewal/renew.test.ts', 'src/inbound/renewal/renew-again.test.ts'],
      ['routes/inbound/renewal-guarded.integration.test.ts', 'routes/inbound/renewal.integration.test.ts'],
    ],
  },
  {
    area: 'grants',
    files: ['src/inbound/grants/grants.ts'],
    tests: [
      ['src/inbound/grants/grants.test.ts'],
      ['routes/admin/grants-guarded.integration.test.ts', 'routes/admin/grants.integration.test.ts'],
    ],
  },
  {
    area: 'sql',
    files: ['db/sql/read.ts', 'db/sql/write.ts'],
    tests: [
      SQL_TESTS,
      [
        'db/stores/resources/list-bytes.integration.test.ts',
        'db/stores/resources/resource-reader.integration.test.ts',
      ],
      // Tables so large that a plan matters: a minute.
      ['db/sql/many-teams.integration.test.ts'],
    ],
  },
  {
    area: 'sql',
    files: ['db/sql/search.ts'],
    tests: [
      ['db/sql/search.integration.test.ts', 'db/stores/resources/search-bytes.integration.test.ts'],
      SEARCH_TESTS,
    ],
  },
  {
    area: 'migrations',
    files: ['db/migrations/0006_row_security.ts'],
    tests: [SQL_TESTS],
  },
  {
    area: 'migrations',
    files: ['db/migrations/0011_search.ts', 'db/migrations/0018_newest_of_teams.ts'],
    tests: [SEARCH_TESTS, ['db/sql/search.integration.test.ts']],
  },
  {
    area: 'migrations',
    files: ['db/migrations/0021_three_logins.ts'],
    tests: [SQL_TESTS],
  },
  {
    area: 'nginx',
    files: ['infra/nginx/nginx.conf.tpl', 'infra/nginx/proxy-headers.conf'],
    tests: [
      [
        'src/cli/render/nginx/nginx-guards.test.ts',
        'src/cli/render/nginx/nginx-bounds.test.ts',
        'src/cli/render/nginx/nginx-edge.test.ts',
        'src/cli/render/nginx/nginx.test.ts',
      ],
    ],
  },
];
