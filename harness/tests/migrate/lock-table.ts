import { expect } from 'vitest';
import type { Cluster } from './cluster.ts';

/** Locks a table of a database from another session, as a migration or an operator may. @returns what lets go of it */
export const lockTable = async (
  cluster: Cluster,
  url: string,
  table: string,
): Promise<() => Promise<unknown>> => {
  const key = Math.floor(Math.random() * 1e9);
  const holding = cluster.underneath(
    url,
    `begin; lock table ${table} in access exclusive mode; select pg_advisory_lock(${key}); select pg_sleep(120); commit`,
  );
  const ended = holding.catch(() => undefined);
  const holder = () =>
    cluster.underneath<{ readonly pid: number }>(
      url,
      `select pid from pg_locks where locktype = 'advisory' and objid = ${key} and granted`,
    );
  await expect.poll(holder, { timeout: 20_000 }).toHaveLength(1);
  const [{ pid }] = (await holder()) as [{ readonly pid: number }];
  return async () => {
    await cluster.underneath(url, `select pg_cancel_backend(${pid})`);
    await ended;
  };
};
