import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { ROOT } from '../../tools/checks/repository.ts';
import type { EdgeServices } from './services.ts';
import type { MutualTls } from './workerd-gateway.ts';

export interface ExportedPeer {
  readonly grantId: string;
  readonly caFingerprint: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

const run = promisify(execFile);

/** `mosaic federation peer export`, as an operator runs it beside the gateway's configuration. */
export const exportPeer = async (services: EdgeServices, id: string, out: string): Promise<ExportedPeer> => {
  const main = path.join(ROOT, 'src/cli/main.ts');
  const env = { PATH: process.env['PATH'] || '', ...services.environment };
  const { stdout } = await run(
    process.execPath,
    [main, 'federation', 'peer', 'export', id, '--out', out, '--json'],
    { env },
  );
  const file = (name: string): string => readFileSync(path.join(out, name), 'utf8');
  const entries = JSON.parse(file('binding.json')) as Record<string, { ca: string }>;
  const [grantId = ''] = Object.keys(entries);
  const caFingerprint = entries[grantId]?.ca.replace('sha256:', '') ?? '';
  expect(JSON.parse(stdout)).toMatchObject({ grant_id: grantId, folder: out });
  const keyPem = file('client.key');
  expect(keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  expect(stdout).not.toContain(keyPem.split('\n')[1]);
  expect(statSync(path.join(out, 'client.key')).mode & 0o777).toBe(0o600);
  expect(statSync(out).mode & 0o777).toBe(0o700);
  return { grantId, caFingerprint, caPem: file('ca.pem'), certPem: file('client.pem'), keyPem };
};

export const tlsOf = ({ caPem, certPem, keyPem }: ExportedPeer): MutualTls => ({
  rootPem: caPem,
  certificate: certPem,
  key: keyPem,
});

/** As `peer export` writes it down. */
export const entryOf = ({ grantId, caFingerprint }: ExportedPeer, binding: string) => ({
  [grantId]: { binding, ca: `sha256:${caFingerprint}` },
});
