import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FEDERATED, STACK, TWO_GATEWAYS } from '../../tools/checks/deployment-files.ts';
import { readText } from '../../tools/checks/repository.ts';
import { ensureInstalled, programs } from '../../devstack/components/installed.ts';

/**
 * The loader that `docker compose config` is made of, which needs no engine: interpolation and the schema. It reads no
 * environment, so names that an operator has to give are given in the text.
 */
const load = (text: string) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-compose-'));
  try {
    const file = path.join(folder, 'docker-compose.yml');
    writeFileSync(file, text.replaceAll(/\$\{(?:STACK_NAME|HOST_FQDN):\?[^}]*\}/g, 'example'));
    const { status, stdout, stderr } = spawnSync(programs.composeSpec, [file], { encoding: 'utf8' });
    const fault = stderr.replaceAll(/^time=.* level=warning .*$/gm, '').trim();
    return { status, stdout, fault };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const withService = (service: string): string =>
  readText(FEDERATED).replace(/^services:\n/m, `services:\n  broken: ${service}\n`);

describe('compose files, by the loader of Docker Compose', () => {
  beforeAll(() => ensureInstalled());

  it.each([FEDERATED, TWO_GATEWAYS, STACK])('%s is valid', (file) => {
    const { status, stdout, fault } = load(readText(file));
    expect([status, fault]).toEqual([0, '']);
    expect(stdout).toContain('services:');
  });

  it.each([
    ['a key it does not know', '{ image: x, foo: 1 }', 'broken'],
    ['a port that is none', '{ image: x, ports: [here] }', 'here'],
    ['a name that nobody gave', '{ image: "${NOBODY:?gave it}" }', 'gave it'],
  ])('one with %s is not', (_what, service, told) => {
    const { status, fault } = load(withService(service));
    expect(status).not.toBe(0);
    expect(fault).toContain(told);
  });
});
