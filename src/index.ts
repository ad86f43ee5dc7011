/** What the package offers to programs: a gateway is put together by `wire` on whatever runtime, and served by the apps. */
export { createEnrollmentApp, createFederationApp, createPublicApp, VERSION } from './app/app.ts';
export type { GatewayConfig } from './config/config.ts';
export { ConfigError } from './config/issues.ts';
export { loadConfig, type ConfigSources, type LoadedConfig } from './config/load.ts';
export { coreSettings } from './config/settings.ts';
export type { CoreSettings, Deps, PeerClient, PeerTransport } from './app/deps.ts';
export { createMemoryKeyValue } from './kv/memory.ts';
export { systemClock, wire, type Wired, type WireParts } from './app/wire.ts';
export { openPostgresStorage, type PostgresStorageOptions } from '../db/connect/postgres.ts';
export { ERROR_CATALOGUE, MosaicError, type ErrorCode, type Problem } from '../domain/errors.ts';
