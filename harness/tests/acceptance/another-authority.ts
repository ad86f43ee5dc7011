import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { programs } from '../../devstack/components/installed.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { startStepCa, type StepCa } from '../../devstack/components/step-ca.ts';
import { authorityFiles } from '../../devstack/stack/gateway.ts';
import { folderOf, gatewaysOf } from '../../devstack/stack/plan.ts';
import { processOf, restartComponent } from '../../devstack/stack/stack.ts';
import { isRunning, readState, writeState, type Side } from '../../devstack/stack/state.ts';
import { trustingFetch } from '../../devstack/stack/trusting-fetch.ts';
import type { FederatedWorld } from './federated-world.ts';
import type { WorldGateway } from './world.ts';

const run = promisify(execFile);

export interface NextAuthority {
  readonly stepCa: StepCa;
  readonly rootPem: string;
  readonly oldRootPem: string;
  /** `STEP_CA_NEXT_…`: it is to take the present one’s place. */
  readonly asNext: Readonly<Record<string, string>>;
  /** `STEP_CA_…`: it is the only one. */
  readonly alone: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const variables = (prefix: string, stepCa: StepCa): Readonly<Record<string, string>> => ({
  [`${prefix}_URL`]: stepCa.url,
  [`${prefix}_ROOT_CERT_PATH`]: stepCa.rootCertFile,
  [`${prefix}_INTERMEDIATE_CERT_PATH`]: stepCa.intermediateCertFile,
  [`${prefix}_ROOT_CRL_PATH`]: stepCa.rootCrlFile,
  [`${prefix}_PROVISIONER_KEY_JSON_FILE`]: stepCa.clientKeyFile,
  [`${prefix}_TLS_PROVISIONER_KEY_JSON_FILE`]: stepCa.serverKeyFile,
  [`${prefix}_PROVISIONER_PASSWORD_FILE`]: stepCa.provisionerPasswordFile,
});

/** Another step-ca beside the stack’s, announced by the old root with the operators’ own script. */
export const startNextAuthority = async ({ handle }: FederatedWorld): Promise<NextAuthority> => {
  const { state } = handle;
  const folder = folderOf(state, 'step-ca-next');
  const stepCa = await startStepCa({
    folder,
    port: await freePort(),
    crlPort: await freePort(),
    caName: 'Mosaic Federation CA G2',
  });
  // A process that is ended early takes it with it, as it does the stack.
  const abandon = (): void => void process.kill(stepCa.pid, 'SIGKILL');
  process.once('exit', abandon);
  const { root } = authorityFiles(state);
  const key = path.join(folderOf(state, 'step-ca'), 'ca', 'offline', 'root_ca_key');
  const link = path.join(folder, 'link.crt');
  await run(programs.crossSign, [root, key, stepCa.rootCertFile, link]);
  return {
    stepCa,
    rootPem: readFileSync(stepCa.rootCertFile, 'utf8'),
    oldRootPem: readFileSync(root, 'utf8'),
    asNext: { ...variables('STEP_CA_NEXT', stepCa), STEP_CA_NEXT_LINK_PATH: link },
    alone: variables('STEP_CA', stepCa),
    close: async () => {
      process.off('exit', abandon);
      await stop(stepCa);
    },
  };
};

/** The same gateway, called by somebody who trusts both roots: who did not renew would not. */
export const trustingBoth = (
  gateway: WorldGateway,
  { rootPem, oldRootPem }: NextAuthority,
): WorldGateway => ({
  ...gateway,
  fetch: trustingFetch(`${oldRootPem}${rootPem}`),
});

/** Gives the gateways of a side further configuration, one replica after another, as an operator would. */
export const reconfigure = async (
  { handle }: FederatedWorld,
  side: Side,
  more: Readonly<Record<string, string>>,
): Promise<void> => {
  const { stateDir, gatewayEnvironment } = handle.state;
  for (const name of gatewaysOf(handle.state, side)) {
    const { pid } = processOf(stateDir, name);
    process.kill(pid, 'SIGTERM');
    while (isRunning(processOf(stateDir, name))) await wait(50);
    const state = readState(stateDir);
    if (state === null) throw new Error(`there is no stack in ${stateDir}`);
    writeState({ ...state, gatewayEnvironment: { ...gatewayEnvironment, ...more } });
    await restartComponent(stateDir, name);
    // nginx leaves out one that failed for `fail_timeout`, 2 s, and counts in whole seconds: for up to three.
    await wait(3_500);
  }
};
