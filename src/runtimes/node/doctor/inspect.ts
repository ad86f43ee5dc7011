import type { Log } from '../../../../domain/ports/basics.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { placeOf } from '../boot/explain-services.ts';
import { quickenImports } from '../boot/lean.ts';
import { openKv } from '../boot/open-services.ts';
import { inspectAuthority } from './inspect-authority.ts';
import { inspectDatabase } from './inspect-database.ts';
import { inspectFront } from './inspect-front.ts';
import { inspectGateway } from './inspect-gateway.ts';
import type { Finding } from './finding.ts';
import { problemOf } from './problem-of.ts';

export interface Inspected {
  readonly config: GatewayConfig;
  readonly file: string | null;
  readonly warnings: readonly string[];
}

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const inspectKv = async (config: GatewayConfig): Promise<readonly Finding[]> => {
  const { kv, sealingKey, kvOutage } = config;
  if (kv.type === 'memory')
    return [{ kind: 'kv', type: 'memory', where: 'this process', ms: null, problem: null, isNeeded: false }];
  const where = placeOf(kv.url);
  const from = performance.now();
  const isNeeded = kvOutage.whenDown === 'refuse';
  const seen = { kind: 'kv', type: kv.type, where, isNeeded } as const;
  try {
    const opened = await openKv(config, sealingKey ?? new Uint8Array(32), SILENT);
    const asked = performance.now();
    await opened.ping();
    const ms = Math.round(performance.now() - asked);
    await opened.close();
    return [{ ...seen, ms, problem: null }];
  } catch (error) {
    return [{ ...seen, ms: Math.round(performance.now() - from), problem: problemOf(error) }];
  }
};

/** Looks at everything at once, each for a few seconds at most, and changes nothing. */
export const inspect = async ({ config, file, warnings }: Inspected): Promise<readonly Finding[]> => {
  quickenImports();
  const configuration: Finding = { kind: 'configuration', tier: config.tier, file, warnings };
  const parts = await Promise.all([
    inspectGateway(config),
    inspectDatabase(config),
    inspectKv(config),
    inspectAuthority(config),
    inspectFront(config),
  ]);
  return [configuration, ...parts.flat()];
};
