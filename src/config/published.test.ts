import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENVIRONMENT } from './environment.ts';
import { configJsonSchema } from './json-schema.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('configuration: what is published of it', () => {
  it('mosaic.config.schema.json is what the validator makes (update: node boot.mjs harness/tools/config-schema.ts)', () => {
    expect(JSON.parse(read('mosaic.config.schema.json'))).toEqual(configJsonSchema());
  });

  it('docs/reference/configuration.md names every variable with its field', () => {
    const page = read('docs/reference/configuration.md');
    const absent = ENVIRONMENT.filter(
      ({ variable, path }) => !page.includes(`\`${variable}\``) || !page.includes(`\`${path}\``),
    );
    expect(absent).toEqual([]);
  });
});
