import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VERSION } from './app.ts';

it('the version in the API document is the package’s', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  expect(VERSION).toBe(manifest.version);
});
