import { z } from 'zod';
import { expectedOf } from './fields.ts';
import { configDocument } from './schema.ts';

const inner = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodOptional ? inner(schema.unwrap() as z.ZodType) : schema;

/** What was expected at a path of the document; of the nearest part above it when it names an item of a list. */
export const expectedAt = (path: readonly PropertyKey[]): string | undefined => {
  let schema: z.ZodType = configDocument;
  let expected: string | undefined;
  for (const key of path) {
    const here = inner(schema);
    if (!(here instanceof z.ZodObject)) break;
    const next = (here.shape as Record<PropertyKey, z.ZodType | undefined>)[key];
    if (next === undefined) return undefined;
    expected = expectedOf(next);
    schema = next;
  }
  return expected;
};

/** Keys an object at a path may have, for messages about unknown ones. */
export const keysAt = (path: readonly PropertyKey[]): readonly string[] => {
  let schema: z.ZodType = configDocument;
  for (const key of path) {
    const here = inner(schema);
    if (!(here instanceof z.ZodObject)) return [];
    schema = (here.shape as Record<PropertyKey, z.ZodType | undefined>)[key] ?? configDocument;
  }
  const here = inner(schema);
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
};
