import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readText, ROOT } from './repository.ts';

const DOCUMENTS = [
  'README.md',
  'infra/swarm/README.md',
  ...readdirSync(new URL('../../../docs', import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Files of a relative path that the commands of a document write. */
const writtenBy = (text: string): readonly string[] =>
  Array.from(text.matchAll(/^```sh\n([\s\S]*?)^```/gm), ([, block = '']) => block).flatMap((block) =>
    Array.from(
      block.matchAll(
        /(?:[^-=<>0-9&]>{1,2}|--save-token|--out)\s+["']?([A-Za-z][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_.-]+)*)/g,
      ),
      ([, file = '']) => file,
    ),
  );

/** Made by a command that names its target in another way: `docker compose cp`, and a first start. */
const ALSO = [
  'root.pem',
  'offline/root_ca_key',
  'secrets/sealing-key',
  'infra/secrets/sealing-key',
  'infra/secrets/a/database-url',
  'infra/step-ca/dev-password',
  'infra/step-ca/dev-provisioner-password',
  'admin.token',
  'data/sealing.key',
  'mosaic.config.json',
];

describe('F-40 what the documents have somebody make', () => {
  it('is never committed by accident: git ignores all of it', () => {
    const files = [...new Set([...DOCUMENTS.flatMap((name) => writtenBy(readText(name))), ...ALSO])];
    expect(files.length).toBeGreaterThan(ALSO.length + 10);
    const { stdout, error } = spawnSync('git', ['check-ignore', '--no-index', '--stdin'], {
      cwd: ROOT,
      input: files.join('\n'),
      encoding: 'utf8',
    });
    expect(error).toBeUndefined();
    const ignored = new Set(stdout.split('\n'));
    expect(files.filter((file) => !ignored.has(file))).toEqual([]);
  });

  it('is nothing that is part of the repository', () => {
    const { stdout } = spawnSync('git', ['ls-files', '--cached', '--ignored', '--exclude-standard'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
  });
});
