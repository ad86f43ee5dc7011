import { EXIT, explainStartFailure, type Explained } from '../common/explain.ts';
import { BootError } from './boot/boot-fault.ts';
import { DataFolderError } from './boot/data-folder.ts';
import { ListenError } from './http/listen.ts';
import { loadConfigFile, type ConfigFileOptions } from './boot/config-file.ts';
import { quickenImports, useCompileCache } from './boot/lean.ts';
import type { RunningGateway } from './boot/start.ts';
import { createLog } from './boot/log.ts';
import { beginProvisionerKeys } from './step-ca/provisioner-keys.ts';
import { stopSignals } from './boot/stop-signals.ts';

/** What an operator reads when a start fails, and the process's exit code. */
export const explainFailure = (error: unknown): Explained =>
  error instanceof DataFolderError || error instanceof ListenError || error instanceof BootError
    ? { message: error.message, exitCode: EXIT.unavailable }
    : explainStartFailure(error);

/** For people at a terminal: where it listens, and how to begin. */
export const describeStart = ({
  publicUrl,
  federationUrl,
  needsFirstAdmin,
  setupToken,
}: RunningGateway): string => {
  const lines = [
    `Public API   ${publicUrl}  (documentation: ${publicUrl}/docs)`,
    `Federation   ${federationUrl}  (mutual TLS)`,
  ];
  if (needsFirstAdmin) {
    const body = JSON.stringify({
      name: 'admin',
      ...(setupToken === null ? {} : { setup_token: setupToken }),
    });
    lines.push(
      'There are no users yet. Create the first administrator; the answer shows the token, only this once:',
      `  curl -sS -X POST ${publicUrl}/api/bootstrap/setup -H 'content-type: application/json' -d '${body}'`,
    );
  }
  return lines.join('\n');
};

/** Starts a gateway and stops it gracefully on SIGTERM, SIGINT or SIGHUP. Sets the process's exit code; never throws. */
export const main = async (options: ConfigFileOptions = {}): Promise<void> => {
  const signals = stopSignals();
  try {
    const { config, warnings } = loadConfigFile(options);
    const log = createLog({ level: config.logLevel, gateway: config.gatewayName });
    for (const warning of warnings) log.warn(warning);
    useCompileCache();
    quickenImports();
    beginProvisionerKeys(config);
    const { startGateway } = await import('./boot/start.ts');
    const gateway = await startGateway(config, { log });
    signals.started(config.shutdownSeconds * 1_000);
    process.stdout.write(`${describeStart(gateway)}\n`);
    log.info('stopping', { signal: await signals.asked });
    await gateway.stop();
    log.info('stopped');
  } catch (error) {
    const { message, exitCode } = explainFailure(error);
    process.stderr.write(`${message}\n`);
    process.exitCode = exitCode;
    signals.failed();
  }
};

if (import.meta.main) await main();
