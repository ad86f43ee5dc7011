import { readFacts, type DatabaseFacts } from '../facts.ts';
import { loginFault, SERVING_ROLES, type LoginKind } from '../logins.ts';
import { pendingMigrations } from '../migrate.ts';
import type { UrlSource } from './driver.ts';
import { asLogin, type PostgresStorageOptions } from './postgres.ts';

const PROBE_LIMIT_MS = 3_000;

export interface DatabaseProbe {
  readonly facts: DatabaseFacts;
  /** Migrations it lacks; null when nothing was ever set up there, or the login can't tell. */
  readonly pending: readonly string[] | null;
  /** What is wrong with each login, in words that go on after "The login …", or null. */
  readonly logins: Readonly<Partial<Record<LoginKind, string | null>>>;
}

type ProbeOptions = Pick<
  PostgresStorageOptions,
  'url' | 'peersUrl' | 'maintenanceUrl' | 'connectTimeoutMs' | 'ca' | 'readFile'
>;

const probeLogin = async (
  kind: LoginKind,
  url: UrlSource | undefined,
  options: ProbeOptions,
): Promise<DatabaseProbe['logins']> => {
  if (url === undefined) return {};
  const driver = asLogin(url, options, PROBE_LIMIT_MS, 'any');
  try {
    return { [kind]: await loginFault(driver, kind) };
  } finally {
    await driver.close();
  }
};

/** Looks at a Postgres over connections of its own and changes nothing. @throws MosaicError */
export const probePostgres = async (options: ProbeOptions): Promise<DatabaseProbe> => {
  const { url, peersUrl, maintenanceUrl } = options;
  const driver = asLogin(url, options, PROBE_LIMIT_MS, 'any');
  try {
    const facts = await readFacts(driver);
    const [row] = await driver.query<{ there: boolean }>(
      // Readable for who serves since there was anything to serve.
      `select exists (select from pg_class c cross join aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
        where c.oid = to_regclass('public.mosaic_migrations') and r.rolname = '${SERVING_ROLES.api}') as there`,
    );
    const api = await loginFault(driver, 'api');
    const [peers, maintenance] = await Promise.all([
      probeLogin('peers', peersUrl, options),
      probeLogin('maintenance', maintenanceUrl, options),
    ]);
    const pending =
      row?.there === true && api === null
        ? await driver.transaction(async (transaction) => {
            await transaction.script(`set local role ${SERVING_ROLES.api}`);
            return pendingMigrations(transaction);
          })
        : null;
    return { facts, pending, logins: { api, ...peers, ...maintenance } };
  } finally {
    await driver.close();
  }
};
