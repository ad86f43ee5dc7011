import { Agent, request } from 'undici';
import { createStepCaAuthority, type StepCaDeps } from '../../../../ca/step-ca/authority.ts';
import type { CaFetch } from '../../../../ca/step-ca/http.ts';
import { checkWiring } from '../../../../ca/step-ca/wiring.ts';
import { readCrlHead } from '../../../../ca/x509/crl-read.ts';
import { pemToDer } from '../../../../ca/x509/pem.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import { readError } from '../../../../domain/system-errors.ts';
import type { StepCaPlace } from '../../../config/config.ts';
import { systemClock } from '../../../app/wire.ts';
import { BootError, type BootFault } from '../boot/boot-fault.ts';
import { placeOf, stepCaReason } from '../boot/explain-services.ts';
import { readTextFile } from '../boot/read-text.ts';
import { provisionerKeys } from './provisioner-keys.ts';

const TIMEOUT_MS = 4_000;
/** Every signing is two write transactions in the CA. */
const MAX_CONCURRENT = 8;
/** Below the 15 s after which step-ca drops an idle connection. */
const KEEP_ALIVE_MS = 10_000;

const ids = { uuid: () => crypto.randomUUID() };

/** Which of two step-cas the configuration speaks of: how its variables begin. */
export type StepCaVariables = 'STEP_CA' | 'STEP_CA_NEXT';

/** One step-ca. */
export interface OpenedStepCa {
  readonly authority: ReturnType<typeof createStepCaAuthority>;
  /** Root and intermediate as the configuration names them, PEM. */
  readonly files: StepCaFiles;
  /** Faults of its set-up; nothing when all is well. @throws MosaicError when it can't be reached in time */
  readonly check: (leafLifetimeSeconds: number) => Promise<readonly BootFault[]>;
  readonly close: () => Promise<void>;
}

export interface StepCaFiles {
  readonly rootPem: string;
  readonly intermediatePem: string;
  readonly rootCrlPem: string;
}

const fault = (where: string, message: string, remedy: string): BootError =>
  new BootError([{ service: 'step-ca', where, message, remedy }]);

export const readPem = (
  path: string,
  label: 'CERTIFICATE' | 'X509 CRL',
  variable: string,
  where: string,
): string => {
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    const found = readError(error);
    const why = found === null ? '' : `: ${found.what}`;
    throw fault(where, `${path} cannot be read${why}`, `copy that file from step-ca and correct ${variable}`);
  }
  if (!pemToDer(text, label).ok)
    throw fault(
      where,
      `${path} does not hold one ${label} in PEM`,
      `copy that file from step-ca (${variable})`,
    );
  return text;
};

/** @throws BootError naming the file and the variable */
const readStepCaFiles = (config: StepCaPlace, variables: StepCaVariables = 'STEP_CA'): StepCaFiles => {
  const where = placeOf(config.url);
  const certificate = (path: string, name: string): string =>
    readPem(path, 'CERTIFICATE', `${variables}_${name}`, where);
  const rootCrlPem = readPem(config.rootCrlPath, 'X509 CRL', `${variables}_ROOT_CRL_PATH`, where);
  const der = pemToDer(rootCrlPem, 'X509 CRL');
  const nextUpdate = der.ok ? readCrlHead(der.value)?.nextUpdate : undefined;
  if (nextUpdate !== undefined && nextUpdate !== null && nextUpdate < systemClock.now()) {
    throw fault(
      where,
      `the revocation list of its root has expired on ${nextUpdate.toISOString()}: every peer would be refused`,
      `sign a new one with the root’s offline key, as infra/step-ca/provision.sh does (${variables}_ROOT_CRL_PATH)`,
    );
  }
  return {
    rootPem: certificate(config.rootCertPath, 'ROOT_CERT_PATH'),
    intermediatePem: certificate(config.intermediateCertPath, 'INTERMEDIATE_CERT_PATH'),
    rootCrlPem,
  };
};

const pinnedFetch = (rootPem: string): { readonly fetch: CaFetch; readonly close: () => Promise<void> } => {
  const dispatcher = new Agent({
    connect: { ca: rootPem, minVersion: 'TLSv1.2', timeout: TIMEOUT_MS },
    connections: MAX_CONCURRENT,
    // One answer a connection at a time: HTTP/2 costs both ends half as much again.
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
  });
  return {
    // Not `fetch`: it costs several times as much, and follows redirects.
    fetch: async (url, { method, headers, body, signal }) => {
      const answer = await request(url, { method, headers, body, signal, dispatcher });
      return { status: answer.statusCode, body: answer.body };
    },
    close: () => dispatcher.destroy(),
  };
};

const keysOf = async (config: StepCaPlace, where: string, variables: StepCaVariables) => {
  try {
    return await provisionerKeys(config);
  } catch (error) {
    if (!(error instanceof MosaicError)) throw error;
    throw fault(
      where,
      (error.detail ?? error.message).replace(/\.$/, ''),
      `take both keys from gateway/ of step-ca’s folder, and the password they were made with (${variables}_PROVISIONER_PASSWORD_FILE)`,
    );
  }
};

/**
 * A step-ca as authority: root pinned, keys decrypted once. Nothing is asked of it yet.
 * @throws BootError for files and keys that can't be used
 */
export const openStepCa = async (
  config: StepCaPlace,
  variables: StepCaVariables = 'STEP_CA',
): Promise<OpenedStepCa> => {
  const where = placeOf(config.url);
  const files = readStepCaFiles(config, variables);
  const [clientProvisioner, serverProvisioner] = await keysOf(config, where, variables);
  const { fetch, close } = pinnedFetch(files.rootPem);
  const deps: StepCaDeps = {
    ...files,
    endpoint: { url: config.url, fetch, timeoutMs: TIMEOUT_MS },
    clientProvisioner,
    serverProvisioner,
    maxConcurrent: MAX_CONCURRENT,
    clock: systemClock,
    ids,
  };
  const toFault = (reason: Pick<BootFault, 'message' | 'remedy'>): BootFault => ({
    service: 'step-ca',
    where,
    message: reason.message,
    remedy: reason.remedy.replaceAll('STEP_CA_', `${variables}_`),
  });
  const authority = createStepCaAuthority(deps);
  return {
    authority,
    files,
    check: async (leafLifetimeSeconds) => {
      try {
        const [faults] = await Promise.all([checkWiring({ ...deps, leafLifetimeSeconds }), authority.ping()]);
        return faults.map(toFault);
      } catch (error) {
        return [toFault(stepCaReason(error))];
      }
    },
    close,
  };
};
