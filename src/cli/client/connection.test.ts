import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveConnection, type ConnectionOptions } from './connection.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosaic-connection-'));
  await writeFile(join(folder, 'token'), 'mos_file\n');
  await writeFile(join(folder, 'empty'), '\n');
});
afterAll(() => rm(folder, { recursive: true }));

const failureOf = (options: ConnectionOptions): unknown => {
  try {
    return resolveConnection(options, {});
  } catch (error) {
    return error;
  }
};

describe('where to, and as whom', () => {
  it('has a default address and no token', () => {
    expect(resolveConnection({}, {})).toEqual({
      url: 'http://127.0.0.1:8080',
      token: null,
      timeoutMs: 30_000,
    });
  });

  it('options win over the environment', async () => {
    const env = { MOSAIC_URL: 'https://env.example/', MOSAIC_TOKEN: 'mos_env' };
    expect(resolveConnection({}, env)).toMatchObject({ url: 'https://env.example', token: 'mos_env' });
    expect(resolveConnection({ url: 'http://x:1/base/', token: 'mos_arg', timeout: 5 }, env)).toEqual({
      url: 'http://x:1/base',
      token: 'mos_arg',
      timeoutMs: 5_000,
    });
    expect(resolveConnection({ tokenFile: join(folder, 'token') }, env)).toMatchObject({
      token: 'mos_file',
    });
  });

  it.each(['ftp://x', 'nonsense', 'http://user:secretpw@x', 'http://x/?a=1', 'http://x/#a'])(
    'refuses the address %s without repeating a password',
    async (url) => {
      const failure = failureOf({ url });
      expect(failure).toMatchObject({ exitCode: 2 });
      expect(JSON.stringify(failure)).not.toContain('secretpw');
    },
  );

  it('X-48 refuses what is no token without repeating it', async () => {
    for (const options of [
      { token: 'mos_a\nb' },
      { token: 'mos_ä' },
      { token: '' },
      { tokenFile: join(folder, 'empty') },
    ]) {
      const failure = failureOf(options);
      expect(failure).toMatchObject({ exitCode: 2, problem: { code: 'usage' } });
      expect(JSON.stringify(failure)).not.toContain('mos_a');
    }
  });

  it('refuses two tokens, and a file that is not there', () => {
    expect(() => resolveConnection({ token: 'a', tokenFile: 'b' }, {})).toThrow('exclude');
    expect(() => resolveConnection({ tokenFile: join(folder, 'none') }, {})).toThrow('it does not exist');
  });
});
