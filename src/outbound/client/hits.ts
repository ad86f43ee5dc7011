import { maxRowBytes } from '../../../domain/paging/page-bytes.ts';
import { isResource, type Resource } from '../../../domain/resources.ts';
import { MAX_RANGES } from '../../../domain/search/highlight.ts';
import {
  compareHits,
  SEARCHABLE,
  searchedFields,
  type Highlights,
  type Hit,
  type Range,
} from '../../../domain/search/hit.ts';
import { rowReader } from './rows.ts';

const isPlace = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value);

/** Ranges within a text, in order and not overlapping; null for anything else. */
const readRanges = (value: unknown, length: number): readonly Range[] | null => {
  if (!Array.isArray(value) || value.length > MAX_RANGES) return null;
  const ranges: Range[] = [];
  let from = 0;
  for (const item of value) {
    if (!Array.isArray(item) || item.length !== 2) return null;
    const [start, end] = item as unknown[];
    if (!isPlace(start) || !isPlace(end) || start < from || end <= start || end > length) return null;
    ranges.push([start, end]);
    from = end;
  }
  return ranges;
};

const readHighlights = (
  resource: Resource,
  value: unknown,
  row: Readonly<Record<string, string | null>>,
): Highlights | null => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const given = value as Record<string, unknown>;
  const highlights: Record<string, readonly Range[]> = {};
  for (const field of searchedFields(resource)) {
    if (!Object.hasOwn(given, field)) continue;
    const ranges = readRanges(given[field], row[field]?.length ?? 0);
    if (ranges === null) return null;
    highlights[field] = ranges;
  }
  return highlights;
};

const readHit = (value: unknown, asked: readonly Resource[]): Hit | null => {
  if (typeof value !== 'object' || value === null) return null;
  const { _resource: resource, _rank: rank, _highlights: marks } = value as Record<string, unknown>;
  if (!isResource(resource) || !asked.includes(resource)) return null;
  // Outside these bounds it would not be comparable, and could not stand in a cursor.
  if (typeof rank !== 'number' || !(rank >= 0 && rank <= 1)) return null;
  const row = rowReader(resource)(value);
  const highlights = row === null ? null : readHighlights(resource, marks, row);
  // Minus zero is zero in JSON of others.
  return row === null || highlights === null ? null : { resource, rank: rank + 0, row, highlights };
};

/** A peer's hits: of what was asked for, in order, each once, no more than asked for. Null when one is not acceptable. */
export const readHits = (
  value: unknown,
  asked: readonly Resource[] | null,
  atMost: number,
): readonly Hit[] | null => {
  if (!Array.isArray(value) || value.length > atMost) return null;
  const hits: Hit[] = [];
  for (const item of value) {
    const hit = readHit(item, asked ?? SEARCHABLE);
    const before = hits.at(-1);
    if (hit === null || (before !== undefined && compareHits(before, hit) >= 0)) return null;
    hits.push(hit);
  }
  return hits;
};

const RANGE_BYTES = 20;

/** Room for the longest hit as JSON. */
export const maxHitBytes = (asked: readonly Resource[] | null): number =>
  Math.max(
    ...(asked ?? SEARCHABLE).map(
      (resource) =>
        maxRowBytes(resource) + 256 + searchedFields(resource).length * (64 + MAX_RANGES * RANGE_BYTES),
    ),
  );
