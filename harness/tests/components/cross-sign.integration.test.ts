import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acceptRoots } from '../../../src/outbound/renewal/peer-trust.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('../../../infra/step-ca/cross-sign.sh', import.meta.url));

let folder: string;
const at = (name: string): string => path.join(folder, name);
const text = (name: string): string => readFileSync(at(name), 'utf8');

/** A root as `step certificate create --profile root-ca` makes one: pathlen 1, ECDSA. */
const makeRoot = async (name: string, subject: string, options: readonly string[] = ['-nodes']) => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', at(`${name}.key`)];
  const is = ['-addext', 'basicConstraints=critical,CA:true,pathlen:1'];
  const may = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-days', '3650'];
  const out = ['-subj', `/CN=${subject}`, '-out', at(`${name}.crt`)];
  await run('openssl', ['req', '-x509', ...key, ...is, ...may, ...options, ...out]);
};

interface Ended {
  readonly code: number;
  readonly words: string;
}

const crossSign = async (
  [old, key, next]: readonly [string, string, string],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> => {
  const files = [at(`${old}.crt`), at(`${key}.key`), at(`${next}.crt`), at('link.crt')];
  rmSync(at('link.crt'), { force: true });
  try {
    const { stderr } = await run(SCRIPT, files, { env: { ...process.env, ...env } });
    return { code: 0, words: stderr };
  } catch (error) {
    const { code, stderr } = error as { readonly code: number; readonly stderr: string };
    return { code, words: stderr };
  }
};

/** What a peer that pinned `old` makes of `next` with the link that was made last. */
const isBelieved = async (old: string, next: string): Promise<boolean> => {
  const answered = { rootsPem: `${text(`${old}.crt`)}${text(`${next}.crt`)}`, linksPem: text('link.crt') };
  return (await acceptRoots(text(`${old}.crt`), answered, new Date())).ok;
};

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'mosaic-cross-'));
  writeFileSync(at('password'), 'of the old root\n');
  await makeRoot('old', 'Work Root');
  await makeRoot('next', 'Work G2 Root');
  await makeRoot('locked', 'Locked Root', ['-passout', `file:${at('password')}`]);
  await makeRoot('stranger', 'Work Root');
  await makeRoot('imitation', 'Work G2 Root');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('infra/step-ca/cross-sign.sh', () => {
  it('X-66 announces a root to peers that trust the old one, and tells both fingerprints', async () => {
    const { code, words } = await crossSign(['old', 'old', 'next']);
    expect(code).toBe(0);
    expect(words).toMatch(/root [0-9a-f]{64} announces root [0-9a-f]{64} for 730 days/);
    expect(statSync(at('link.crt')).mode & 0o777).toBe(0o644);
    expect(await isBelieved('old', 'next')).toBe(true);
  });

  it('X-66 what it made announces neither a root of that name with another key, nor to peers of another root of the old name', async () => {
    await crossSign(['old', 'old', 'next']);
    expect(await isBelieved('old', 'imitation')).toBe(false);
    expect(await isBelieved('stranger', 'next')).toBe(false);
    // A stranger who calls itself as the old root does, with a key of its own.
    expect((await crossSign(['stranger', 'stranger', 'next'])).code).toBe(0);
    expect(await isBelieved('old', 'next')).toBe(false);
  });

  it('takes a key with a password', async () => {
    const env = { ROOT_KEY_PASSWORD_FILE: at('password'), LINK_DAYS: '90' };
    expect(await crossSign(['locked', 'locked', 'next'], env)).toMatchObject({ code: 0 });
    expect(await isBelieved('locked', 'next')).toBe(true);
  });

  it.each<[string, readonly [string, string, string], RegExp]>([
    ['another key', ['old', 'next', 'next'], /is not the key of/],
    ['two roots of one name', ['old', 'old', 'stranger'], /one name/],
  ])('refuses %s, and leaves nothing', async (_what, files, why) => {
    const { code, words } = await crossSign(files);
    expect([code, words]).toEqual([1, expect.stringMatching(why)]);
    expect(() => statSync(at('link.crt'))).toThrow(/ENOENT/);
  });

  it('refuses a leaf in place of a root', async () => {
    const request = ['req', '-new', '-key', at('next.key'), '-subj', '/CN=leaf', '-out', at('leaf.csr')];
    await run('openssl', request);
    const signing = ['-CA', at('next.crt'), '-CAkey', at('next.key'), '-set_serial', '7'];
    await run('openssl', ['x509', '-req', '-in', at('leaf.csr'), ...signing, '-out', at('leaf.crt')]);
    const { code, words } = await crossSign(['old', 'old', 'leaf']);
    expect([code, words]).toEqual([1, expect.stringMatching(/no root certificate/)]);
  });
});
