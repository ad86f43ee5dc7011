import type { SearchAnswer } from '../client/answers.ts';
import { tableOr } from './table.ts';
import { clip, moment, safe } from './text.ts';

type HitAnswer = SearchAnswer['items'][number];

const WIDEST_CELL = 50;
/** Characters shown before the first word that was found. */
const LEAD = 16;

/** A field's text with the words found in brackets. Ranges that do not fit the text are left out. */
const marked = (text: string, ranges: readonly (readonly number[])[]): string => {
  let shown = '';
  let from = 0;
  for (const [start = 0, end = 0] of ranges) {
    if (start < from || end <= start || end > text.length) continue;
    shown += `${text.slice(from, start)}[${text.slice(start, end)}]`;
    from = end;
  }
  return shown + text.slice(from);
};

/** What was found beside the title, from a little before the first word on. */
const excerpt = (hit: HitAnswer): string => {
  for (const [field, ranges] of Object.entries(hit._highlights)) {
    const text = hit[field];
    const first = ranges[0]?.[0];
    if (field === 'title' || typeof text !== 'string' || first === undefined) continue;
    const from = Math.max(0, first - LEAD);
    const near = marked(
      text.slice(from),
      ranges.map((range) => range.map((place) => place - from)),
    );
    return clip(`${from > 0 ? '…' : ''}${near.replaceAll(/\s+/g, ' ')}`, WIDEST_CELL);
  }
  return '';
};

const titleOf = (hit: HitAnswer): string => {
  const title = hit['title'];
  return typeof title === 'string' ? clip(marked(title, hit._highlights['title'] ?? []), WIDEST_CELL) : '-';
};

/** Hits of several gateways, the best first; words found stand in brackets. */
export const renderHits = (hits: SearchAnswer['items']): string =>
  tableOr(
    'There are no hits.',
    ['_SOURCE', 'RESOURCE', 'RANK', 'TITLE', 'FOUND', 'CREATED', 'ID'],
    hits.map((hit) => [
      clip(hit._source, WIDEST_CELL),
      safe(hit._resource),
      hit._rank.toFixed(3),
      titleOf(hit),
      excerpt(hit),
      moment(hit.created_at),
      safe(hit.id),
    ]),
  );
