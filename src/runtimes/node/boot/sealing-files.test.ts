import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSealer, sealingKeys } from '../../../../db/sealing/seal.ts';
import { DataFolderError, type DataFolder } from './data-folder.ts';
import { folderSealingKeys, forgetOlderKeys, makeFolderKey } from './sealing-files.ts';

describe('the sealing keys of a data folder', () => {
  let folder: DataFolder;
  const file = (name: string): string => join(folder.path, name);
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const ringOf = async () => {
    const { current, older } = folderSealingKeys(folder);
    return createSealer(await sealingKeys(current, older));
  };

  beforeEach(() => {
    const path = mkdtempSync(join(tmpdir(), 'mosaic-keys-'));
    folder = { path, database: join(path, 'database'), hasDatabase: false, release: () => {} };
  });
  afterEach(() => rmSync(folder.path, { recursive: true }));

  it('a new key seals at once; what the old ones sealed still opens, also after a start', async () => {
    const keys = folderSealingKeys(folder);
    const ring = await ringOf();
    const make = makeFolderKey(folder, keys);
    const first = await ring.seal(text('first'), 'row');
    const before = ring.currentKeyId();
    await make(ring);
    const second = await ring.seal(text('second'), 'row');
    await make(ring);
    expect(new Set([before, ring.currentKeyId()]).size).toBe(2);
    for (const sealer of [ring, await ringOf()]) {
      expect(await sealer.open(first, 'row')).toEqual(text('first'));
      expect(await sealer.open(second, 'row')).toEqual(text('second'));
    }
    for (const name of ['sealing.key', 'sealing.older'])
      expect(statSync(file(name)).mode & 0o777).toBe(0o600);
    forgetOlderKeys(folder);
    const fresh = await ringOf();
    expect(fresh.currentKeyId()).toBe(ring.currentKeyId());
    await expect(fresh.open(first, 'row')).rejects.toMatchObject({ code: 'internal' });
  });

  it('killed between the two files: the key is the old one, and nothing is lost', async () => {
    const ring = await ringOf();
    const sealed = await ring.seal(text('kept'), 'row');
    writeFileSync(file('sealing.older'), readFileSync(file('sealing.key')), { mode: 0o600 });
    writeFileSync(file('sealing.key.4711'), 'half a ke', { mode: 0o600 });
    const again = await ringOf();
    expect(again.currentKeyId()).toBe(ring.currentKeyId());
    expect(await again.open(sealed, 'row')).toEqual(text('kept'));
  });

  it.each([
    ['readable by others', (path: string) => chmodSync(path, 0o644), /can be read by others/],
    ['damaged', (path: string) => writeFileSync(path, 'canary-of-a-key'), /does not hold sealing keys/],
  ])('X-50 older keys %s: refused, without a word of what is in the file', (_name, damage, message) => {
    folderSealingKeys(folder);
    writeFileSync(file('sealing.older'), readFileSync(file('sealing.key')), { mode: 0o600 });
    damage(file('sealing.older'));
    expect(() => folderSealingKeys(folder)).toThrow(DataFolderError);
    expect(() => folderSealingKeys(folder)).toThrow(message);
    expect(() => folderSealingKeys(folder)).not.toThrow(/canary-of-a-key/);
  });
});
