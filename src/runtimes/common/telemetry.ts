import type { Log } from '../../../domain/ports/basics.ts';
import type { GatewayConfig } from '../../config/config.ts';
import type { GatewayDeps } from '../../app/assemble.ts';
import type { Deps } from '../../app/deps.ts';
import { watchInbound } from '../../telemetry/telemetry-inbound.ts';
import { countAlerts } from '../../telemetry/telemetry.ts';
import { AUDIT_CAPACITY, systemClock } from '../../app/wire.ts';
import type { OpenedTelemetry } from '../otel/open.ts';

/** What watches a gateway, or nobody. */
export interface Watching {
  /** To be used from now on: counts what needs a person. */
  readonly log: Log;
  /** The same parts, watched. */
  watch(deps: Deps): Deps;
  /** From now on what is counted of the gateway made of them can be read. */
  read(deps: GatewayDeps): void;
  stop(): Promise<void>;
}

const STOP_MS = 3_000;

const nobody = (log: Log): Watching => ({ log, watch: (deps) => deps, read: () => {}, stop: async () => {} });

const somebody = (log: Log, { telemetry, page, watch, stop }: OpenedTelemetry): Watching => ({
  log: countAlerts(log, telemetry),
  watch: (deps) => ({
    ...deps,
    audit: watchInbound(deps.audit, telemetry),
    telemetry,
    ...(page === null ? {} : { metrics: page }),
  }),
  read: watch,
  stop: () => stop(STOP_MS),
});

/** Loads what it takes to watch a gateway, where that is configured, and otherwise nothing at all. */
export const openWatching = async (
  { telemetry: config, gatewayName }: Pick<GatewayConfig, 'telemetry' | 'gatewayName'>,
  log: Log,
): Promise<Watching> => {
  if (config === null) return nobody(log);
  const { openTelemetry } = await import('../otel/open.ts');
  const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
  const parts = { config, gatewayName, log, clock: systemClock, random, auditCapacity: AUDIT_CAPACITY };
  return somebody(log, await openTelemetry(parts));
};
