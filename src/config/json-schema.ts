import { z } from 'zod';
import { configDocument } from './schema.ts';

/** The published schema of mosaic.config.json (JSON Schema 2020-12), made from the validator itself. */
export const configJsonSchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(configDocument, { target: 'draft-2020-12', io: 'input' }),
  $id: 'https://mosaic-federation.dev/schemas/mosaic.config.schema.json',
  title: 'mosaic.config.json',
});
