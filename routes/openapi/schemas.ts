import { z } from 'zod';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const LOCAL = '#/$defs/';
const SHARED = '#/components/schemas/';

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A format says all that its pattern does, and every number in JSON is a safe one: noise to a reader. */
const isNoise = (schema: JsonObject, key: string): boolean =>
  key === '$schema' ||
  key === '$defs' ||
  (key === 'pattern' && (schema['format'] === 'date-time' || schema['format'] === 'uuid')) ||
  (key === 'minimum' && schema[key] === Number.MIN_SAFE_INTEGER) ||
  (key === 'maximum' && schema[key] === Number.MAX_SAFE_INTEGER);

const relink = (value: Json, rename: ReadonlyMap<string, string>): Json => {
  if (Array.isArray(value)) return value.map((item: Json) => relink(item, rename));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !isNoise(value, key))
      .map(([key, item]) => {
        if (key !== '$ref' || typeof item !== 'string' || !item.startsWith(LOCAL))
          return [key, relink(item, rename)];
        const name = item.slice(LOCAL.length);
        return [key, SHARED + (rename.get(name) ?? name)];
      }),
  );
};

/** What no text of an input may hold (`unstorableText` of routes/http/validate.ts). */
const STORABLE = String.raw`^[^\u0000]*$`;
const SAYS_MORE = ['pattern', 'format', 'enum', 'const'];

/** Says of each text that is not described closer what the validators refuse in any of them. */
const storable = (value: Json): Json => {
  if (Array.isArray(value)) return value.map((item: Json) => storable(item));
  if (!isObject(value)) return value;
  const all = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, storable(item)]));
  const isPlainText = value['type'] === 'string' && !SAYS_MORE.some((key) => Object.hasOwn(value, key));
  return isPlainText ? { ...all, pattern: STORABLE } : all;
};

/** Every `$defs` entry, also of a schema that was put in as it is. */
const definitionsIn = (value: Json | undefined): readonly (readonly [string, Json])[] => {
  if (Array.isArray(value)) return value.flatMap((item: Json) => definitionsIn(item));
  if (!isObject(value)) return [];
  const own = isObject(value['$defs']) ? Object.entries(value['$defs']) : [];
  return [...own, ...Object.values(value).flatMap((item) => definitionsIn(item))];
};

export interface SchemaPool {
  /** JSON Schema 2020-12 of a validator; what has an id goes to the shared components. */
  add(schema: z.ZodType, direction: 'input' | 'output'): JsonObject;
  components(): JsonObject;
}

/** Collects the schemas of one document and hoists each `$defs` entry into `components.schemas`, once a name. */
export const createSchemaPool = (): SchemaPool => {
  const components = new Map<string, Json>();
  const freeName = (name: string, schema: Json): string => {
    for (let number = 1; ; number += 1) {
      const candidate = number === 1 ? name : `${name}${number}`;
      const taken = components.get(candidate);
      if (taken === undefined || JSON.stringify(taken) === JSON.stringify(schema)) return candidate;
    }
  };
  return {
    add: (schema, direction) => {
      const id = schema.meta()?.id;
      // A schema with an id of its own is wrapped, so that it becomes a reference like all others.
      const made = z.toJSONSchema(id === undefined ? schema : z.array(schema), {
        io: direction,
        target: 'draft-2020-12',
        unrepresentable: 'any',
      }) as JsonObject;
      const json = direction === 'input' ? (storable(made) as JsonObject) : made;
      const rename = new Map<string, string>();
      for (const [name, found] of definitionsIn(json)) {
        const { id: _id, ...rest } = found as JsonObject;
        const relinked = relink(rest, rename);
        const free = freeName(name, relinked);
        rename.set(name, free);
        components.set(free, relinked);
      }
      const linked = relink(id === undefined ? json : (json['items'] ?? {}), rename) as JsonObject;
      return linked;
    },
    components: () => Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
};
