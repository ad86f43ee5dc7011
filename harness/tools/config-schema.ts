/** Writes mosaic.config.schema.json again after the configuration's validator changed. */
import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { configJsonSchema } from '../../src/config/json-schema.ts';

const file = new URL('../../mosaic.config.schema.json', import.meta.url);
writeFileSync(file, await format(JSON.stringify(configJsonSchema()), { parser: 'json', printWidth: 110 }));
