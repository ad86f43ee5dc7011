// Plain JavaScript for Node 20 and later: finds the locked Node 24 and runs a program with it.
// Shared by boot.mjs (a checkout) and bin/mosaic.mjs (the installed package).
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

export const WANTED_MAJOR = 24;
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** The Node 24 to use for code that lives at `fromFile`, or undefined when there is none. */
export function findNode(fromFile) {
  const require = createRequire(fromFile);
  try {
    const manifest = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    const binary = join(dirname(manifest), 'bin', 'node');
    if (existsSync(binary)) return binary;
  } catch {
    // Not installed for this platform: the running Node may still do.
  }
  return Number.parseInt(process.versions.node, 10) >= WANTED_MAJOR ? process.execPath : undefined;
}

export function explainMissingNode() {
  return (
    `mosaic needs Node ${WANTED_MAJOR} or later; this is Node ${process.versions.node} on ` +
    `${process.platform}-${process.arch}, and the optional package node-${process.platform}-${process.arch} ` +
    `is not installed.\nWhat to do: install again without --omit=optional, or put Node ${WANTED_MAJOR} first in PATH.`
  );
}

/**
 * Ctrl-C in a terminal reaches the whole foreground process group, so the child has it already;
 * a second copy would look like an impatient user. Linux tells through /proc (process group,
 * terminal's foreground group); elsewhere a terminal on stdin is the best sign there is.
 */
function inForegroundOfTerminal() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[5] !== '-1' && fields[2] === fields[5];
  } catch {
    return process.stdin.isTTY === true;
  }
}

/**
 * What a gateway is run with, by whatever starts one. After the collection that makes an idle gateway small (src/runtimes/node/boot/lean.ts)
 * V8 would allow the old generation next to nothing and mark all of it for every 50 MB of requests, a quarter of all CPU under
 * load: the initial heap size is what it may always have. What it costs is memory under load, some 120 MB. glibc keeps an arena for
 * each thread, for nothing here. Lazy compilation of WebAssembly (the embedded database) halves the time to ready.
 */
export const NODE_FLAGS = [
  '--max-semi-space-size=32',
  '--initial-heap-size=192',
  '--wasm-lazy-compilation',
  // A signal must not open a debugger, to which all memory is readable.
  '--disable-sigusr1',
];
const MALLOC = { MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX || '1' };

/**
 * Runs `node ...args`, forwards signals, and ends this process the way the child ended.
 * @param compiled folder with what the engine compiled before; a program finds even its first module there
 */
export function runNode(node, args, compiled) {
  const path = [dirname(node), process.env.PATH].filter(Boolean).join(delimiter);
  const child = spawn(node, [...NODE_FLAGS, ...args], {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...MALLOC,
      PATH: path,
      ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE || compiled }),
    },
  });
  const forward = (signal) => {
    if (signal === 'SIGINT' && inForegroundOfTerminal()) return;
    child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  child.on('error', (error) => {
    console.error(`Could not start ${node}: ${error.message}`);
    process.exit(126);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const forwarded of FORWARDED) process.removeAllListeners(forwarded);
    process.kill(process.pid, signal);
    // Only reached when the signal's default action does not end a process.
    setTimeout(() => process.exit(1), 1000);
  });
}
