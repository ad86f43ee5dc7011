import { connectionError } from '../../../../domain/system-errors.ts';
import type { DatabaseFacts } from '../../../../db/facts.ts';
import { placeOfDatabase } from '../../../../domain/database/address.ts';
import { DATABASE_CURES, isTlsCode } from '../../../../domain/database/state.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import { redact } from '../../common/redact.ts';
import { LateError, type BootFault } from './boot-fault.ts';
import { codeOf } from './errno.ts';

type Reason = Pick<BootFault, 'message' | 'remedy'>;

const MIN_VERSION = 150_000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'valkey:': 6379,
  'valkeys:': 6379,
  'redis:': 6379,
  'rediss:': 6379,
  'https:': 443,
  'http:': 80,
};

/** `host:port` of a service's URL: all of it that may be shown. */
export const placeOf = (url: string): string => {
  if (/^postgres(ql)?:/.test(url)) return placeOfDatabase(url);
  const parsed = URL.parse(url);
  if (parsed === null) return '(not an address)';
  const port = parsed.port === '' ? DEFAULT_PORTS[parsed.protocol] : parsed.port;
  return `${parsed.hostname}:${port ?? '?'}`;
};

/** A code of the system or a library; our own errors have codes, too, which say nothing here. */
const causeCode = (error: unknown): string => (error instanceof MosaicError ? '' : codeOf(error));

/** The innermost cause that has a code, else the innermost one. */
const rootOf = (error: unknown, depth = 0): unknown => {
  if (!(error instanceof Error) || depth > 5 || error.cause === undefined) return error;
  const inner = rootOf(error.cause, depth + 1);
  return causeCode(inner) === '' && causeCode(error) !== '' ? error : inner;
};

const messageOf = (error: unknown): string => (error instanceof Error ? redact(error.message) : 'it failed');

const networkReason = (error: unknown, name: string, variable: string): Reason | null => {
  const root = rootOf(error);
  const isLate =
    root instanceof LateError ||
    (root instanceof Error && (root.name === 'TimeoutError' || root.name === 'AbortError'));
  const message = isLate ? 'it does not answer in time' : connectionError(causeCode(root));
  if (message === undefined) return null;
  return {
    message,
    remedy: `start ${name}, or correct ${variable}; check whether it hangs, or whether a firewall drops its packets`,
  };
};

const SCHEMA: Reason = {
  message: 'its schema is older than this gateway',
  remedy: 'let one gateway start with MOSAIC_DATABASE_MIGRATE=true first',
};

const IN_USE: Reason = {
  message: 'a table that has to be changed stays in use',
  remedy:
    'wait until the backup or the transaction that uses it is over (pg_locks and pg_stat_activity name it), and try again: nothing was changed',
};

const POSTGRES: Readonly<Record<string, Reason>> = {
  '28P01': {
    message: 'it refuses the password',
    remedy:
      'correct the user and password in DATABASE_URL, DATABASE_PEERS_URL or DATABASE_MAINTENANCE_URL (…_FILE)',
  },
  '28000': {
    message: 'it refuses the login',
    remedy: 'correct the user in DATABASE_URL, or pg_hba.conf of the server',
  },
  '3D000': {
    message: 'there is no such database',
    remedy: 'create it, or correct the name at the end of DATABASE_URL',
  },
  '42501': {
    message: 'a login lacks rights that its purpose needs',
    remedy:
      'run what “mosaic database setup-sql” prints as a superuser in this database, and correct DATABASE_URL, DATABASE_PEERS_URL and DATABASE_MAINTENANCE_URL',
  },
  '22023': {
    message: 'the schema is not there',
    remedy: 'run “mosaic database setup-sql” and “mosaic database migrate” first (docs/how-to/SETUP.md)',
  },
  '42P01': SCHEMA,
  '42883': SCHEMA,
  '25006': { message: 'it is read-only', remedy: DATABASE_CURES.read_only ?? '' },
  READ_ONLY: { message: 'it is read-only', remedy: DATABASE_CURES.read_only ?? '' },
  STANDBY: { message: 'it is a standby', remedy: DATABASE_CURES.standby ?? '' },
  CACHED: {
    message: 'a cache between the gateway and Postgres answers',
    remedy: DATABASE_CURES.cached ?? '',
  },
  SETTINGS: {
    message: 'its sessions do not have the settings that were asked for',
    remedy: DATABASE_CURES.wrong_role ?? '',
  },
  WRONG_ROLE: {
    message: 'its sessions do not have the role of their purpose',
    remedy: DATABASE_CURES.wrong_role ?? '',
  },
  OTHER_CLUSTER: { message: 'it is another cluster than before', remedy: DATABASE_CURES.not_ours ?? '' },
  CLOCK_SKEW: {
    message: 'its clock and this host’s are more than 5 seconds apart',
    remedy: DATABASE_CURES.clock_skew ?? '',
  },
  '53100': { message: 'its disk is full', remedy: 'make room there, and try again' },
  '55P03': IN_USE,
  '40P01': IN_USE,
  '57014': {
    message: 'it took too long',
    remedy: 'look in pg_stat_activity what it is busy with, or in pg_locks whom it waits for, and try again',
  },
  '53300': { message: 'it has no connection left', remedy: 'raise max_connections, or run fewer replicas' },
  '57P03': { message: 'it is still starting', remedy: 'start the gateway again in a moment' },
};

/** Words for an error of the database's opening. */
export const postgresReason = (error: unknown): Reason => {
  const network = networkReason(error, 'Postgres', 'DATABASE_URL');
  if (network !== null) return network;
  const root = rootOf(error);
  const code = causeCode(root);
  const known = POSTGRES[code];
  if (known !== undefined) return known;
  if (isTlsCode(code))
    return {
      message: `its TLS connection cannot be trusted (${code})`,
      remedy: DATABASE_CURES.untrusted ?? '',
    };
  // A refusal of ours (newer schema, changed migration) says all in its own words.
  const own = error instanceof Error && causeCode(root) === '' ? error : root;
  return {
    message: messageOf(own),
    remedy: 'see the log of Postgres; docs/how-to/SETUP.md tells what the gateway needs',
  };
};

/** What is wrong with a Postgres that answers, or null. */
export const factsReason = (facts: DatabaseFacts, mayCreate: boolean): Reason | null => {
  const major = Math.floor(facts.versionNumber / 10_000);
  if (facts.versionNumber < MIN_VERSION)
    return { message: `it is version ${facts.version}`, remedy: 'use Postgres 15 or newer' };
  if (facts.encoding !== 'UTF8') {
    return {
      message: `the encoding of the database is ${facts.encoding}, and the gateway needs UTF8`,
      remedy:
        "create another database and move the data: CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0",
    };
  }
  if (facts.vector !== null) return null;
  if (!facts.isVectorAvailable) {
    return {
      message: 'the extension vector (pgvector) is not installed',
      remedy: `install pgvector for Postgres ${major} on its server: package postgresql-${major}-pgvector, image pgvector/pgvector:pg${major}, or infra/install-debian.sh`,
    };
  }
  if (mayCreate) return null;
  return {
    message: 'the database has no extension vector (pgvector)',
    remedy: 'as its owner or a superuser: CREATE EXTENSION vector; or give database.maintenance_url',
  };
};

/** What works and is not as it should be, or null. */
export const factsWarning = ({ characterType }: Pick<DatabaseFacts, 'characterType'>): Reason | null =>
  /^(C|POSIX)$/i.test(characterType)
    ? {
        message: `its character type (LC_CTYPE) is ${characterType}, so that search ignores non-ASCII letters`,
        remedy: "use a database with LOCALE 'C.UTF-8', or another UTF-8 locale",
      }
    : null;

/** Words for an error of the key-value store's opening. The adapters' own causes hold no secret. */
export const kvReason = (error: unknown, variable: string): Reason => {
  const network = networkReason(error, 'the key-value store', variable);
  if (network !== null) return network;
  const text = messageOf(rootOf(error)).replace(/^(Valkey|the REST store) at [^ ]+: /, '');
  const [reason = text, ...advice] = text.replace(/\.$/, '').split('; ');
  return {
    message: reason,
    remedy: advice.length > 0 ? `${advice.join('; ')} (${variable})` : `start it, or correct ${variable}`,
  };
};

const TLS = /CERT|SIGNATURE|ISSUER|ALTNAME/;

/** Words for an error of the authority's opening. */
export const stepCaReason = (error: unknown): Reason => {
  const root = rootOf(error);
  const code = causeCode(root);
  if (TLS.test(code)) {
    const isName = code.includes('ALTNAME');
    return {
      message: isName
        ? 'its certificate does not name that host'
        : `its certificate does not come from the pinned root (${code})`,
      remedy: isName
        ? 'use one of its dnsNames as the host in STEP_CA_URL'
        : 'give the gateway the root of this step-ca (STEP_CA_ROOT_CERT_PATH), or correct STEP_CA_URL',
    };
  }
  const network = networkReason(error, 'step-ca', 'STEP_CA_URL');
  if (network !== null) return network;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return { message: 'it does not speak TLS at that address', remedy: 'correct STEP_CA_URL' };
  return {
    message: messageOf(error).replace(/\.$/, ''),
    remedy: 'see the log of step-ca; infra/step-ca/provision.sh makes one that fits',
  };
};
