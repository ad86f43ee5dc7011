/* Tests that several guard files share, and what a guard is. */

export interface Guard {
  /** Chosen by `--area`. */
  readonly area: string;
  readonly files: readonly string[];
  /** Groups of test files, the quickest first. */
  readonly tests: readonly (readonly string[])[];
}

/** A reader of X.509: its own tests, then those that take seconds because they try what is dear, then those of what is built of it. */
export const x509 = (name: string, quick: readonly string[], slow: readonly string[] = []): Guard => ({
  area: 'x509',
  files: [`ca/x509/${name}.ts`],
  tests: [
    quick.map((test) => `ca/x509/${test}.test.ts`),
    slow.map((test) => `ca/x509/${test}.test.ts`),
    ['ca/x509/identity.test.ts', 'ca/x509/csr.test.ts', 'ca/verify.test.ts'],
  ].filter((group) => group.length > 0),
});

export const FEDERATION_TESTS = [
  'routes/inbound/guarded.integration.test.ts',
  'routes/inbound/verbs.integration.test.ts',
  'routes/inbound/rate-limit.integration.test.ts',
  'routes/inbound/audit.integration.test.ts',
];
export const SQL_TESTS = [
  'db/sql/fence.integration.test.ts',
  'db/testing/row-security.integration.test.ts',
  'db/sql/read.integration.test.ts',
];
export const SEARCH_TESTS = [
  'db/sql/search-functions.integration.test.ts',
  'db/sql/newest-functions.integration.test.ts',
  'db/sql/many-teams.integration.test.ts',
];
