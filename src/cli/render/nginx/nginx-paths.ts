const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/**
 * What nginx's logs may hold of a path: the words that are part of this product's addresses, and ids. Everything else is
 * what somebody typed or sent: a token in the wrong place, a word of a search, a terminal's control characters. A test
 * compares the list with the OpenAPI document.
 */
export const KNOWN_SEGMENTS: readonly string[] = [
  'accept-restore',
  'admin',
  'api',
  'api_keys',
  'audit',
  'authority',
  'bootstrap',
  'capabilities',
  'checkpoint',
  'confirm',
  'counters',
  'credentials',
  'crl',
  'docs',
  'enrollment',
  'export',
  'federation',
  'grants',
  'health',
  'histogram',
  'items',
  'keys',
  'login',
  'mcp',
  'me',
  'members',
  'memory',
  'metrics',
  'notes',
  'openapi.json',
  'parts',
  'peers',
  'pki',
  'problems',
  'query',
  'ready',
  'reconcile',
  'redeem',
  'renew',
  'resources',
  'resume',
  'revocation',
  'revoke',
  'roll',
  'root.pem',
  'rotate',
  'search',
  'setup',
  'status',
  'style.css',
  'suspend',
  'tasks',
  'teams',
  'tokens',
  'users',
  'v1',
  'verify',
];

const escaped = (word: string): string => word.replaceAll('.', String.raw`\.`);

/** The lines of a `map` from `$request_uri` to what is logged: the known beginning, and `*` for what follows it. */
export const pathMap = (): string => {
  const segment = `(?:${[...KNOWN_SEGMENTS.map(escaped), UUID].join('|')})`;
  return [
    `    default "/*";`,
    `    "~^/(?:\\?|$)" "/";`,
    `    "~^(?<mosaic_whole>(?:/${segment})+)/?(?:\\?|$)" "$mosaic_whole";`,
    `    "~^(?<mosaic_known>(?:/${segment}(?=/))+)/" "$mosaic_known/*";`,
  ].join('\n');
};
