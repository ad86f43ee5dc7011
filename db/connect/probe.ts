import { parameterLogging, readFacts, type DatabaseFacts } from '../facts.ts';
import { isSetupOutdated, loginFault, SERVING_ROLES, type LoginKind } from '../logins.ts';
import { pendingMigrations } from '../migrate.ts';
import type { UrlSource } from './driver.ts';
import { asLogin } from './maintenance.ts';
import type { PostgresStorageOptions } from './postgres.ts';

const PROBE_LIMIT_MS = 3_000;

export interface DatabaseProbe {
  readonly facts: DatabaseFacts;
  /** Migrations it lacks; null when nothing was ever set up there, or the login can't tell. */
  readonly pending: readonly string[] | null;
  /** What is wrong with each login, in words that go on after "The login …", or null. */
  readonly logins: Readonly<Partial<Record<LoginKind, string | null>>>;
  /** What “mosaic database setup-sql” prints has to be run again. */
  readonly isSetupOutdated: boolean;
  /** By login: what makes its server log the parameters of its statements. Only those where something does. */
  readonly parameterLogging: Readonly<Partial<Record<LoginKind, readonly string[]>>>;
}

interface ProbedLogin {
  readonly fault: string | null;
  readonly logged: readonly string[];
  readonly isOutdated: boolean;
}

type ProbeOptions = Pick<
  PostgresStorageOptions,
  'url' | 'peersUrl' | 'maintenanceUrl' | 'connectTimeoutMs' | 'ca' | 'readFile'
>;

const probeLogin = async (
  kind: LoginKind,
  url: UrlSource | undefined,
  options: ProbeOptions,
): Promise<Partial<Record<LoginKind, ProbedLogin>>> => {
  if (url === undefined) return {};
  const driver = asLogin(url, options, PROBE_LIMIT_MS, 'any');
  try {
    const fault = await loginFault(driver, kind);
    const logged = await parameterLogging(driver);
    return { [kind]: { fault, logged, isOutdated: kind === 'peers' && (await isSetupOutdated(driver)) } };
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
    const logged = await parameterLogging(driver);
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
    const probed: Partial<Record<LoginKind, ProbedLogin>> = {
      api: { fault: api, logged, isOutdated: false },
      ...peers,
      ...maintenance,
    };
    return {
      facts,
      pending,
      logins: Object.fromEntries(Object.entries(probed).map(([kind, { fault }]) => [kind, fault])),
      isSetupOutdated: Object.values(probed).some(({ isOutdated }) => isOutdated),
      parameterLogging: Object.fromEntries(
        Object.entries(probed).flatMap(([kind, one]) =>
          one.logged.length === 0 ? [] : [[kind, one.logged]],
        ),
      ),
    };
  } finally {
    await driver.close();
  }
};
