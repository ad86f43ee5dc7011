import { resourceSpec, RESOURCES, type Resource, type ResourceRow } from '../resources.ts';

/** Longest query, in UTF-16 code units: a few sentences, and short enough for an address. */
export const MAX_QUERY_LENGTH = 1_000;

/** Most words in it: finding and ranking cost more with each. */
export const MAX_QUERY_WORDS = 64;

/** Resources with a field that is searched; every one has a column `search` in the database. */
export const SEARCHABLE: readonly Resource[] = RESOURCES.filter((resource) =>
  Object.values(resourceSpec(resource).fields).some(({ search }) => search !== undefined),
);

const SEARCHED = Object.fromEntries(
  RESOURCES.map((resource) => [
    resource,
    Object.entries(resourceSpec(resource).fields)
      .filter(([, { search }]) => search !== undefined)
      .map(([name]) => name),
  ]),
) as unknown as Readonly<Record<Resource, readonly string[]>>;

/** Names of a resource's searched fields, the heaviest first. All of them are shown in a row: nothing else is searched. */
export const searchedFields = (resource: Resource): readonly string[] => SEARCHED[resource];

/** A place in the order of hits: the last hit already given. */
export interface HitPosition {
  /** As the database gave it: the shortest decimal that stands for the same `float4`. */
  readonly rank: number;
  /** RFC 3339 UTC with milliseconds. */
  readonly createdAt: string;
  readonly resource: Resource;
  readonly id: string;
}

/** A row that was found, and how well it fits: 0 to 1, from the row and the query alone, so the same at every gateway. */
export interface FoundRow {
  readonly resource: Resource;
  readonly rank: number;
  readonly row: ResourceRow;
}

/** Start and end (exclusive) of a word that was asked for, in UTF-16 code units of the field's text as shown. */
export type Range = readonly [start: number, end: number];

export type Highlights = Readonly<Record<string, readonly Range[]>>;

export interface Hit extends FoundRow {
  /** By field; a field without any is absent. */
  readonly highlights: Highlights;
}

/** A page of hits; `next` is the position after the last, or null at the end. */
export interface HitPage<T extends FoundRow = FoundRow> {
  readonly hits: readonly T[];
  readonly next: HitPosition | null;
}

export const positionOf = ({ resource, rank, row }: FoundRow): HitPosition => ({
  rank,
  createdAt: row.created_at,
  resource,
  id: row.id,
});

const descending = <T extends string | number>(a: T, b: T): number => (a < b ? 1 : a > b ? -1 : 0);

/** Best first, then newest, then by resource and id descending: a total order, equal to SQL's. */
export const comparePositions = (a: HitPosition, b: HitPosition): number =>
  descending(a.rank, b.rank) ||
  descending(a.createdAt, b.createdAt) ||
  descending(a.resource, b.resource) ||
  descending(a.id, b.id);

export const compareHits = (a: FoundRow, b: FoundRow): number =>
  comparePositions(positionOf(a), positionOf(b));
