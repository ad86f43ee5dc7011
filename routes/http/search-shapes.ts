import { z } from 'zod';
import { RESOURCES, resourceSpec, type Resource } from '../../domain/resources.ts';
import { countWords, MAX_RANGES } from '../../domain/search/highlight.ts';
import {
  MAX_QUERY_LENGTH,
  MAX_QUERY_WORDS,
  SEARCHABLE,
  searchedFields,
  type Hit,
} from '../../domain/search/hit.ts';
import { rowShape } from '../resources/resource-shapes.ts';

const isSearchable = (name: string): name is Resource => SEARCHABLE.some((resource) => resource === name);

/** Every way to name some of them, none twice: `a`, `a,b`, `b,a`, … */
const waysToName = (names: readonly string[]): readonly string[] =>
  names.flatMap((name) => {
    const others = waysToName(names.filter((other) => other !== name));
    return [name, ...others.map((more) => `${name},${more}`)];
  });

/** What is asked for, of a search anywhere. */
export const searchQuery = {
  q: z
    .string()
    .min(1)
    .max(MAX_QUERY_LENGTH)
    .refine((query) => countWords(query) <= MAX_QUERY_WORDS, `must have at most ${MAX_QUERY_WORDS} words`)
    .meta({
      description:
        'Words, all of which must occur; `"a phrase"`, `or`, and `-word` for what must not. Case, accents and punctuation make no difference.',
    }),
  resources: z
    .string()
    .transform((text) => text.split(','))
    .pipe(
      z
        .array(z.string().refine(isSearchable, `must be of ${SEARCHABLE.join(', ')}`))
        .refine((names) => new Set(names).size === names.length, 'must not repeat'),
    )
    .optional()
    .meta({
      type: 'string',
      enum: [...waysToName(SEARCHABLE)],
      description: `Comma-separated, of ${SEARCHABLE.join(', ')}. All that may be searched when absent.`,
    }),
};

const range = z.tuple([z.int().min(0), z.int().min(1)]);

const hitParts = (resource: Resource) => ({
  ...rowShape(resource).shape,
  _resource: z.literal(resource),
  _rank: z.number().min(0).max(1).meta({ description: 'How well it fits; comparable between gateways.' }),
  _highlights: z
    .strictObject(
      Object.fromEntries(
        searchedFields(resource).map((field) => [field, z.array(range).max(MAX_RANGES).optional()]),
      ),
    )
    .meta({ description: 'By field: start and end (exclusive) of words asked for, in UTF-16 code units.' }),
});

const nameOf = (resource: Resource): string =>
  resourceSpec(resource).singular.replaceAll(/(^| )[a-z]/gi, (c) => c.trim().toUpperCase());

/** A hit as a peer is answered. */
export const hitShape = z.union(
  RESOURCES.map((resource) => z.strictObject(hitParts(resource)).meta({ id: `${nameOf(resource)}Hit` })),
);

/** A hit with where it came from. */
export const blendedHitShape = z.union(
  RESOURCES.map((resource) =>
    z
      .strictObject({
        ...hitParts(resource),
        _source: z.string().meta({ description: '`local` or `federated:<peer>`.' }),
      })
      .meta({ id: `Blended${nameOf(resource)}Hit` }),
  ),
);

/** The row itself, and beside its columns what the search says of it. */
export const showHit = ({ resource, rank, highlights, row }: Hit) => ({
  ...row,
  _resource: resource,
  _rank: rank,
  _highlights: highlights,
});
