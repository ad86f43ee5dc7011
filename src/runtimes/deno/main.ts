/**
 * `deno run --allow-env --allow-sys=umask,uid --allow-net --allow-read --allow-write=<folder of the socket> src/runtimes/deno/main.ts`:
 * a gateway on Deno (tier standalone, configured by environment or mosaic.config.json).
 */
import { loadConfig } from '../../config/load.ts';
import { explainStartFailure } from '../common/explain.ts';
import { createJsonLog, writeLogLine } from '../common/json-log.ts';
import { denoApi } from './deno-api.ts';
import { startDenoGateway } from './start.ts';

const deno = denoApi();

const configText = (): string | undefined => {
  try {
    return deno.readTextFileSync('mosaic.config.json');
  } catch {
    return undefined;
  }
};

let isAsked = false;
let stop: (() => void) | null = null;
/** The first one stops gracefully, also when the start has not ended yet; the second one ends the process at once. */
const onSignal = (): void => {
  if (isAsked) deno.exit(1);
  isAsked = true;
  stop?.();
};
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) deno.addSignalListener(signal, onSignal);

try {
  const file = configText();
  const env = deno.env.toObject();
  const { config, warnings } = loadConfig({
    ...(file === undefined ? {} : { file }),
    env,
    readFile: deno.readTextFileSync,
  });
  const log = createJsonLog(config.logLevel, config.gatewayName);
  for (const warning of warnings) log.warn(warning);
  const gateway = await startDenoGateway(config, log);
  stop = () => void gateway.stop().then(() => deno.exit(0));
  deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify({ public_url: gateway.publicUrl })}\n`));
  if (isAsked) stop();
} catch (error) {
  const { message, exitCode } = explainStartFailure(error);
  writeLogLine(message);
  deno.exit(exitCode);
}
