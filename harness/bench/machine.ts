import { readFileSync } from 'node:fs';
import os from 'node:os';

/** What the figures were measured on; figures of different machines don't compare. */
export const describeMachine = (): Readonly<Record<string, string | number>> => ({
  cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
  cores: os.cpus().length,
  memory_gib: Math.round(os.totalmem() / 2 ** 30),
  kernel: os.release(),
  node: process.versions.node,
  openssl: process.versions.openssl,
  at: new Date().toISOString(),
});

/** Resident memory of a process, MiB. */
export const residentMiB = (pid: number): number => {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(match?.[1] ?? 0) / 1024);
};

/** User and system CPU time of a process so far, milliseconds. */
export const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10;
};

/** The same of a process and all that came of it and still run: a database's sessions, a server's workers. */
export const treeCpuMs = (pid: number): number => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return children.reduce((sum, child) => sum + treeCpuMs(Number(child)), cpuMs(pid));
  } catch {
    // It ended while we looked.
    return 0;
  }
};

/** The first child of a process: the gateway behind its launcher. */
export const childOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
