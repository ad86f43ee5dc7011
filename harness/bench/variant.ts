import type { Linked } from '../../domain/audit/chain.ts';
import { certificateHeader } from '../../routes/inbound/certificate-header.ts';
import { createFederationApp } from '../../src/app/app.ts';
import { coreSettings } from '../../src/config/settings.ts';
import type { Deps } from '../../src/app/deps.ts';
import { loadConfigFile } from '../../src/runtimes/node/boot/config-file.ts';
import { listenBehindFront } from '../../src/runtimes/node/http/listeners.ts';
import { createLog } from '../../src/runtimes/node/boot/log.ts';
import { openServices } from '../../src/runtimes/node/boot/services.ts';
import { wire } from '../../src/app/wire.ts';
import { assemble } from '../../src/app/assemble.ts';

/**
 * The federation side of a gateway with one part left out, and beside it, on a second socket of the same process, with all of them:
 * `node variant.ts <mosaic.config.json> <nothing|audit|limiter|telemetry>`. Two processes of one program differ by more than a part
 * costs. For the bench alone; no configuration does this.
 */
/** What the second socket's name ends with. */
const WHOLE = '.whole';

const [path = '', leftOut = ''] = process.argv.slice(2);
const { config } = loadConfigFile({ path });
const socket = config.federationListener.kind === 'socket' ? config.federationListener.path : '';
const log = createLog({ level: 'warn', gateway: 'bench' });
const services = await openServices(config, log);
const wired = await wire({ ...services, gatewayName: config.gatewayName, log });
const whole = assemble(wired.complete(coreSettings(config, null)));

const nothing = { entry: { grantId: null }, leaf: new Uint8Array(0) } as unknown as Linked;
const without: Readonly<Record<string, () => Partial<Deps>>> = {
  audit: () => ({ audit: { ...wired.audit, record: () => nothing } }),
  limiter: () => ({
    kv: {
      ...services.kv,
      take: () => Promise.resolve({ allowed: true, remaining: 1, retryAfterSeconds: 0 }),
    },
  }),
  nothing: () => ({}),
  // Its hooks are taken out of the source as it is loaded (without-telemetry.ts).
  telemetry: () => ({}),
};

const deps = assemble({ ...whole, ...without[leftOut]?.() });
await listenBehindFront(createFederationApp(deps, certificateHeader).fetch, socket, deps.log);
await listenBehindFront(createFederationApp(whole, certificateHeader).fetch, `${socket}${WHOLE}`, deps.log);
process.stdout.write('ready\n');
process.once('SIGTERM', () => process.exit(0));
