import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { promisify } from 'node:util';
import { programs } from './installed.ts';
import { inheritedEnvironment, launch, type Component, type OnSpawn } from './process.ts';

const run = promisify(execFile);

export interface StepCa extends Component {
  readonly url: string;
  readonly rootCertFile: string;
  readonly intermediateCertFile: string;
  readonly rootCrlFile: string;
  readonly clientKeyFile: string;
  readonly serverKeyFile: string;
  readonly provisionerPasswordFile: string;
}

const healthy = (url: string, ca: string): Promise<boolean> =>
  new Promise((resolve) => {
    https
      .get(`${url}/health`, { ca, agent: false, timeout: 500 }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      })
      .on('error', () => resolve(false));
  });

/** A step-ca provisioned by the operators' own script, on its own port and folder. */
export const startStepCa = async (options: {
  readonly folder: string;
  readonly port: number;
  /** Port of the plain listener for the CRL. */
  readonly crlPort: number;
  /** Prefix of its certificates’ names; the script’s own when absent. */
  readonly caName?: string;
  readonly onSpawn?: OnSpawn;
}): Promise<StepCa> => {
  const { folder, port, crlPort } = options;
  mkdirSync(folder, { recursive: true });
  const caPassword = path.join(folder, 'ca-password');
  const provisionerPassword = path.join(folder, 'provisioner-password');
  for (const file of [caPassword, provisionerPassword]) {
    if (!existsSync(file)) writeFileSync(file, `${crypto.randomUUID()}\n`, { mode: 0o600 });
  }
  const home = path.join(folder, 'ca');
  const toolFolder = path.join(folder, 'bin');
  mkdirSync(toolFolder, { recursive: true });
  await run('ln', ['-sf', programs.step, path.join(toolFolder, 'step')]);
  await run(programs.provision, [home], {
    env: {
      ...inheritedEnvironment(),
      PATH: `${toolFolder}:${process.env['PATH'] || ''}`,
      STEPPATH: home,
      CA_PASSWORD_FILE: caPassword,
      PROVISIONER_PASSWORD_FILE: provisionerPassword,
      CA_ADDRESS: `127.0.0.1:${port}`,
      CA_INSECURE_ADDRESS: `127.0.0.1:${crlPort}`,
      CA_CRL_URL: `http://127.0.0.1:${crlPort}/1.0/crl`,
      ...(options.caName === undefined ? {} : { CA_NAME: options.caName }),
    },
  });
  const rootCertFile = path.join(home, 'certs', 'root_ca.crt');
  const url = `https://127.0.0.1:${port}`;
  const component = await launch({
    name: 'step-ca',
    command: programs.stepCa,
    args: [path.join(home, 'config', 'ca.json'), '--password-file', caPassword],
    folder,
    env: { STEPPATH: home },
    onSpawn: options.onSpawn,
    ready: () => healthy(url, readFileSync(rootCertFile, 'utf8')),
  });
  return {
    ...component,
    url,
    rootCertFile,
    intermediateCertFile: path.join(home, 'certs', 'intermediate_ca.crt'),
    rootCrlFile: path.join(home, 'crl', 'root.crl'),
    clientKeyFile: path.join(home, 'gateway', 'mosaic-fed.jwe'),
    serverKeyFile: path.join(home, 'gateway', 'mosaic-tls.jwe'),
    provisionerPasswordFile: provisionerPassword,
  };
};
