import { factsWarning } from '../boot/explain-services.ts';
import { HEALTH } from '../../../../domain/status/health-texts.ts';
import { peerFinding } from '../../../../domain/status/health.ts';
import { check, type Check, type Status } from './check.ts';
import { ofExpiry } from './evaluate-expiry.ts';
import type { DatabaseFinding, Finding, Problem } from './finding.ts';

export interface Diagnosis {
  readonly status: Status;
  readonly checks: readonly Check[];
}

/** What a script can tell from the exit status: 0 green, 1 yellow, 2 red. */
export const EXIT_OF: Readonly<Record<Status, 0 | 1 | 2>> = { green: 0, yellow: 1, red: 2 };

const ofProblem = (name: string, probe: { where: string; ms: number | null }, problem: Problem): Check =>
  check(name, 'red', problem.message, { where: probe.where, ms: probe.ms, remedy: problem.remedy });

const vectorOf = ({ vector, isVectorAvailable, version }: DatabaseFinding): Check => {
  if (vector !== null) return check('vector', 'green', `pgvector ${vector}`);
  const major = version.split('.')[0] ?? version;
  return isVectorAvailable
    ? check('vector', 'yellow', 'not created yet', {
        remedy: 'the next start creates it, or: CREATE EXTENSION vector',
      })
    : check('vector', 'red', 'not installed', {
        remedy: `install pgvector for Postgres ${major} on its server`,
      });
};

const schemaOf = ({ pending }: DatabaseFinding): Check => {
  if (pending === null)
    return check('schema', 'yellow', 'not there yet', { remedy: 'the first start makes it' });
  return pending.length === 0
    ? check('schema', 'green', 'up to date')
    : check('schema', 'yellow', `lacks ${pending.join(', ')}`, {
        remedy: 'the next start brings it up to date',
      });
};

const characterTypeOf = (facts: DatabaseFinding): readonly Check[] => {
  const warning = factsWarning(facts);
  return warning === null
    ? []
    : [check('character type', 'yellow', warning.message, { remedy: warning.remedy })];
};

const ofDatabase = (finding: Extract<Finding, { kind: 'database' }>): readonly Check[] => {
  const { where, ms, problem, facts } = finding;
  if (problem !== null) return [ofProblem('database', finding, problem)];
  if (facts === null) return [check('database', 'green', 'answers', { where, ms })];
  return [
    check('database', 'green', `Postgres ${facts.version}`, { where, ms }),
    vectorOf(facts),
    schemaOf(facts),
    ...characterTypeOf(facts),
  ];
};

const ofParameterLogging = ({ purpose, settings }: Extract<Finding, { kind: 'parameter-logging' }>): Check =>
  check(
    `statement log ${purpose}`,
    'yellow',
    `Postgres writes the parameters of statements, including search words, to its log (${settings.join(', ')})`,
    {
      remedy:
        'as a superuser: ALTER ROLE … SET log_parameter_max_length = 0 for each login, or the same in postgresql.conf ' +
        '(docs/how-to/SETUP.md, "What Postgres logs")',
    },
  );

const ofPeer = ({ standing }: Extract<Finding, { kind: 'peer' }>, now: Date): Check => {
  const { name, direction, state, certificateNotAfter: end } = standing;
  const label = `peer ${name} (${direction})`;
  const code = peerFinding(standing, now);
  const until = end === null ? '' : `, certificate until ${end.toISOString()}`;
  if (code === null) return check(label, 'green', `${state}${until}`);
  const { status, message, cure } = HEALTH[code];
  return check(label, status, `${message} (${state}${until})`, { remedy: cure });
};

const ofGateway = (finding: Extract<Finding, { kind: 'gateway' }>): readonly Check[] => {
  const { where, ms, problem, isRunning, complaints } = finding;
  if (!isRunning)
    return [check('gateway', 'yellow', 'does not run', { where, remedy: 'start it: mosaic gateway start' })];
  if (problem !== null) return [ofProblem('gateway', finding, problem)];
  if (complaints.length === 0) return [check('gateway', 'green', 'ready', { where, ms })];
  return complaints.map(({ status, message, remedy }) =>
    check('gateway', status, message, { where, ms, remedy }),
  );
};

const ofConfiguration = ({ tier, file, warnings }: Extract<Finding, { kind: 'configuration' }>): Check => {
  const where = file ?? 'environment and defaults';
  return warnings.length === 0
    ? check('configuration', 'green', `tier ${tier}`, { where })
    : check('configuration', 'yellow', `tier ${tier}; ${warnings.join(' ')}`, {
        where,
        remedy: 'correct the names by the table of docs/reference/configuration.md',
      });
};

const ofSealingKey = (opens: boolean | null): Check => {
  if (opens === null) return check('sealing key', 'green', 'nothing is sealed yet');
  return opens
    ? check('sealing key', 'green', 'opens this database')
    : check('sealing key', 'red', 'does not open this database', {
        remedy: 'give the key it was created with (MOSAIC_SEALING_KEY_FILE); all replicas have the same',
      });
};

/** @param isRunning a gateway runs: what only a start needs is no reason for red then */
const judge = (finding: Finding, now: Date, isRunning: boolean): readonly Check[] => {
  switch (finding.kind) {
    case 'configuration':
      return [ofConfiguration(finding)];
    case 'database':
      return ofDatabase(finding);
    case 'login': {
      const { purpose, problem } = finding;
      return [
        problem === null
          ? check(`login ${purpose}`, 'green', 'has the rights that its purpose needs')
          : check(`login ${purpose}`, 'red', problem.message, { remedy: problem.remedy }),
      ];
    }
    case 'outdated-setup':
      return [
        check('database setup', 'yellow', 'the setup SQL has changed since a superuser ran it', {
          remedy:
            'run the setup SQL again as a superuser: mosaic database setup-sql | psql … (docs/how-to/SETUP.md, "Three logins")',
        }),
      ];
    case 'parameter-logging':
      return [ofParameterLogging(finding)];
    case 'gateway':
      return ofGateway(finding);
    case 'sealing-key':
      return [ofSealingKey(finding.opens)];
    case 'expiry':
      return [ofExpiry(finding, now)];
    case 'peer':
      return [ofPeer(finding, now)];
    case 'revocations':
      return [
        finding.isLost
          ? check('revocations', HEALTH.revocations_lost.status, HEALTH.revocations_lost.message, {
              remedy: HEALTH.revocations_lost.cure,
            })
          : check('revocations', 'green', 'none is missing'),
      ];
    case 'front-proof': {
      const { where, fault } = finding;
      return [
        check('proof of the front', 'red', `cannot be read (${fault})`, {
          where,
          remedy: HEALTH.front_proof_unreadable.cure,
        }),
      ];
    }
    case 'folder': {
      const { where, holder, problem } = finding;
      if (problem !== null) return [ofProblem('data folder', finding, problem)];
      const message = holder === null ? 'free' : `in use by ${holder}`;
      return [check('data folder', 'green', message, { where })];
    }
    case 'front-configuration': {
      const { where, problem } = finding;
      return [
        problem === null
          ? check('nginx', 'green', 'accepts its configuration', { where })
          : ofProblem('nginx', finding, problem),
      ];
    }
    case 'kv':
    case 'authority': {
      const name = finding.kind === 'kv' ? 'key-value' : 'authority';
      const { where, ms, problem, type } = finding;
      // A gateway that runs serves without the authority, and without the store unless it is told not to; a start needs both.
      const isNeeded = !isRunning || (finding.kind === 'kv' && finding.isNeeded);
      return [
        problem === null
          ? check(name, 'green', type, { where, ms })
          : { ...ofProblem(name, finding, problem), status: isNeeded ? 'red' : 'yellow' },
      ];
    }
  }
};

const WORST: readonly Status[] = ['red', 'yellow', 'green'];

/** Judges what was found. Pure: the worst of all is the whole's. */
export const evaluate = (findings: readonly Finding[], now: Date): Diagnosis => {
  const isRunning = findings.some((one) => one.kind === 'gateway' && one.isRunning);
  const checks = findings.flatMap((finding) => judge(finding, now, isRunning));
  const status = WORST.find((one) => checks.some((each) => each.status === one)) ?? 'green';
  return { status, checks };
};
