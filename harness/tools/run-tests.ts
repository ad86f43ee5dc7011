import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './checks/repository.ts';
import { toolEntry } from './checks/tools.ts';
import { ensureInstalled } from '../devstack/components/installed.ts';
import { judgeReport, type TestReport, type Verdict } from './test-report.ts';

/**
 * `npm test`: typecheck, lint and format (each counts as one test), then every vitest project; the last line is
 * `N passed, N failed`. `--quick` leaves out the projects that start real services. Any other argument goes to
 * vitest, and then only vitest runs: `npm test -- --project unit scope`, `npm test -- -t M3-4`.
 */
const REPORT = join(ROOT, '.cache', 'test-report.json');
const STATIC_CHECKS = ['typecheck', 'lint', 'format'];
const QUICK_PROJECTS = ['unit', 'checks'];

const given = process.argv.slice(2);
const quick = given.includes('--quick');
const forVitest = given.filter((arg) => arg !== '--quick');

let running: ReturnType<typeof spawn> | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A terminal's Ctrl-C has reached the child as well; a signal to this process alone has not.
    if (running?.exitCode === null) running.kill(signal);
    process.exitCode = 1;
    interrupted = true;
  });
}
let interrupted = false;

const verdicts: Verdict[] = [];
if (forVitest.length === 0) {
  for (const check of STATIC_CHECKS) {
    if (interrupted) break;
    console.log(`\n── ${check}`);
    const code = await run([join(ROOT, 'harness/tools/checks', `${check}.ts`)]);
    verdicts.push({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, complaints: [] });
    console.log(code === 0 ? `✓ ${check}` : `✗ ${check} (exit code ${code})`);
  }
}
if (!interrupted && needsComponents()) {
  console.log('\n── real components');
  try {
    // Here, once, and not in a test's hook: building them on a new machine takes minutes.
    ensureInstalled();
    console.log('✓ Postgres with pgvector, Valkey, nginx, step-ca, the loader of compose files');
  } catch (error) {
    console.log(`✗ ${error instanceof Error ? error.message : String(error)}`);
  }
}
if (!interrupted) verdicts.push(await runVitest());

const complaints = verdicts.flatMap((verdict) => verdict.complaints);
if (interrupted) complaints.push('Interrupted: not every test ran.');
if (complaints.length > 0) console.log(`\n${complaints.map((line) => `✗ ${line}`).join('\n')}`);
const passed = sum(verdicts.map((verdict) => verdict.passed));
const failed = sum(verdicts.map((verdict) => verdict.failed)) + (interrupted ? 1 : 0);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** Only the projects that start them; where they are missing all the same, those tests fail and say so. */
function needsComponents(): boolean {
  if (quick) return false;
  const chosen = forVitest.flatMap((arg, at) => (arg === '--project' ? [forVitest[at + 1] ?? ''] : []));
  return (
    chosen.length === 0 || chosen.some((name) => ['portable', 'integration', 'federation'].includes(name))
  );
}

async function runVitest(): Promise<Verdict> {
  console.log('\n── vitest');
  mkdirSync(dirname(REPORT), { recursive: true });
  rmSync(REPORT, { force: true });
  const projects = quick ? QUICK_PROJECTS.flatMap((name) => ['--project', name]) : [];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`];
  const code = await run([toolEntry('vitest'), 'run', ...reporters, ...projects, ...forVitest]);
  // Choosing by name or shard skips the rest on purpose; a skip in a whole run is a hole.
  const partial = forVitest.some((arg) => /^(-t|--testNamePattern|--shard)(=|$)/.test(arg));
  return judgeReport(readReport(), { exitCode: code, partial });
}

function readReport(): TestReport | undefined {
  try {
    return JSON.parse(readFileSync(REPORT, 'utf8')) as TestReport;
  } catch {
    return undefined;
  }
}

/** Runs one Node program with the terminal attached; a signal counts as failure. */
function run(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    running = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
    running.once('error', reject);
    running.once('exit', (code) => resolve(code ?? 1));
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
