// `node boot.mjs <file.ts> [args]`: one command on a bare clone. Plain JavaScript for Node 20 and later, no
// dependencies. Installs what package-lock.json names when that is missing, then runs the file on Node 24.
// Nothing is ever printed on stdout here: that belongs to the program.
import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explainMissingNode, findNode, runNode } from './bin/launch.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));
const at = (...path) => join(root, ...path);
const lockFile = at('.cache', 'install.lock');
const marker = at('node_modules', '.mosaic-lock');
const npmTree = at('node_modules', '.package-lock.json');
const INSTALL_WAIT_MS = 15 * 60_000;

const [file, ...args] = process.argv.slice(2);
if (file === undefined) fail('Usage: node boot.mjs <file.ts> [arguments]', 64);
const program = resolve(root, file);
if (!existsSync(program)) fail(`${file} does not exist in this checkout.`, 66);

class Problem extends Error {}

try {
  await installOnce();
} catch (error) {
  if (error instanceof Problem) fail(error.message, 69);
  throw error;
}
const node = findNode(at('boot.mjs'));
if (node === undefined) fail(explainMissingNode(), 69);
// The program itself alone: a test's or a tool's modules would only fill the folder.
const isProduct = program === at('src', 'cli', 'main.ts');
runNode(node, [program, ...args], isProduct ? at('.cache', 'compiled') : undefined);

async function installOnce() {
  const wanted = fingerprint();
  if (isInstalled(wanted)) return;
  const release = await takeLock();
  try {
    if (isInstalled(wanted)) return;
    // Put there by npm itself, and whole by its own record: only the marker is missing or old.
    if (treeIsComplete()) writeFileSync(marker, wanted);
    else install(wanted);
  } finally {
    release();
  }
}

/** Changes whenever what should be installed changes. */
function fingerprint() {
  const manifest = readJson(at('package.json'));
  const { dependencies, devDependencies, optionalDependencies, overrides } = manifest;
  return createHash('sha256')
    .update(readFileSync(at('package-lock.json')))
    .update(JSON.stringify([dependencies, devDependencies, optionalDependencies, overrides]))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
}

function isInstalled(wanted) {
  return existsSync(marker) && readFileSync(marker, 'utf8').trim() === wanted && existsSync(npmTree);
}

/** Everything the lockfile names is there, by npm's own record of what it put where. */
function treeIsComplete() {
  if (!existsSync(npmTree)) return false;
  const installed = readJson(npmTree).packages;
  return Object.entries(readJson(at('package-lock.json')).packages).every(([path, locked]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined || !existsSync(at(path)))
      return locked.optional === true && !isMadeForHere(locked);
    return found.version === locked.version && found.integrity === locked.integrity;
  });
}

/** An optional package for another platform, or one that only such a package needs, is rightly absent. */
function isMadeForHere({ os, cpu, libc }) {
  if (os === undefined && cpu === undefined) return false;
  const glibc = process.report?.getReport?.().header?.glibcVersionRuntime !== undefined;
  const fits = (list, value) => list === undefined || list.includes(value);
  return fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, glibc ? 'glibc' : 'musl');
}

function install(wanted) {
  console.error('Installing the locked dependencies (npm ci --ignore-scripts) …');
  // npm ci leaves dot files of node_modules alone; these two must not outlive what they describe.
  rmSync(marker, { force: true });
  rmSync(npmTree, { force: true });
  const flags = [
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const npmCli = process.env.npm_execpath;
  const [command, prefix] = npmCli?.endsWith('.js') ? [process.execPath, [npmCli]] : ['npm', []];
  const result = spawnSync(command, [...prefix, 'ci', ...flags], { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.error) {
    throw new Problem(
      `npm could not be started (${result.error.message}).\nWhat to do: install Node with npm, and run this again.`,
    );
  }
  if (result.status !== 0) {
    const how = result.signal ? `was ended by ${result.signal}` : `ended with exit code ${result.status}`;
    throw new Problem(
      `npm ci ${how}; its own message is above. Nothing was started.\n` +
        'What to do: check that the package registry can be reached, that the disk is not full, and that\n' +
        'package-lock.json fits package.json (`npm install --package-lock-only` mends it); then run this again.',
    );
  }
  writeFileSync(marker, wanted);
}

/** One installation at a time over all processes of this machine; a lock of a dead process is taken over. */
async function takeLock() {
  mkdirSync(at('.cache'), { recursive: true });
  const mine = JSON.stringify({
    pid: process.pid,
    started: startOf(process.pid),
    host: hostname(),
    id: randomUUID(),
  });
  const draft = `${lockFile}.${randomUUID()}`;
  const deadline = Date.now() + INSTALL_WAIT_MS;
  let told = false;
  for (;;) {
    writeFileSync(draft, mine);
    const taken = tryLink(draft, lockFile);
    rmSync(draft, { force: true });
    if (taken) return () => void (readLock() === mine && rmSync(lockFile, { force: true }));
    const holder = readLock();
    if (holder !== undefined && !isAlive(holder)) {
      takeOver(holder, mine);
      continue;
    }
    if (Date.now() > deadline) {
      throw new Problem(
        `Another installation has held ${lockFile} for 15 minutes.\nWhat to do: end it, or delete that file.`,
      );
    }
    if (!told) console.error('Waiting for another installation of this checkout …');
    told = true;
    await sleep(200);
  }
}

function tryLink(draft, path) {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes the lock of a dead process. Of those who see it dead one may: the lock has an id of its own, so a claim on removing it is no
 * claim on any later lock, and whoever comes late finds another text there. The claim of one who died meanwhile is passed over.
 */
function takeOver(dead, mine) {
  const name = createHash('sha256').update(dead).digest('hex').slice(0, 16);
  const draft = `${lockFile}.${randomUUID()}`;
  writeFileSync(draft, mine);
  try {
    for (let turn = 0; turn < 100; turn += 1) {
      const claim = `${lockFile}.dead.${name}.${turn}`;
      if (!tryLink(draft, claim)) {
        const other = readText(claim);
        if (other === undefined || isAlive(other)) return;
        continue;
      }
      if (readLock() === dead) rmSync(lockFile, { force: true });
      for (let done = 0; done <= turn; done += 1) rmSync(`${lockFile}.dead.${name}.${done}`, { force: true });
      return;
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readLock() {
  return readText(lockFile);
}

function isAlive(holder) {
  let owner;
  try {
    owner = JSON.parse(holder);
  } catch {
    // Not ours to read: half a minute is more than any writer needs.
    return existsSync(lockFile) && Date.now() - statSync(lockFile).mtimeMs < 30_000;
  }
  // Process ids mean nothing to another machine or container on the same files.
  if (owner.host !== undefined && owner.host !== hostname())
    return existsSync(lockFile) && Date.now() - statSync(lockFile).mtimeMs < INSTALL_WAIT_MS;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
  }
  // The same number may belong to another process by now.
  const started = startOf(owner.pid);
  return started === undefined || owner.started === undefined || started === owner.started;
}

function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function sleep(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

function fail(message, code) {
  console.error(message);
  process.exit(code);
}
