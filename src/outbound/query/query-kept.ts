import { blend, type Blended, type SourceName, type SourcePage } from '../../../domain/blend/blend.ts';
import type { Forms } from '../cache/kept.ts';
import type { Outcome } from './query-outcomes.ts';
import type { Source } from './query-sources.ts';

/** A page that is one kept answer, whole: what was made of it for an earlier answer is good for this one. */
export interface KeptPage {
  readonly source: SourceName;
  readonly forms: Forms;
}

/**
 * The kept answer that a first page of a single source is, or null. The rows must be the very ones that were kept: an answer
 * that was used in part, or put together of several, has a text of its own.
 */
export const keptPage = (
  sources: readonly Source[],
  answered: readonly Extract<Outcome, { readonly walked: unknown }>[],
): KeptPage | null => {
  const [one] = answered;
  if (one === undefined || sources.length !== 1) return null;
  const kept = one.source.sighting()?.kept ?? null;
  if (kept === null || (kept.value as { readonly rows?: unknown }).rows !== one.walked.rows) return null;
  return { source: one.name, forms: kept.forms };
};

/** As the merge of a single page gives it, whose rows are tagged only when they are looked at. */
export const wholePage = (pages: readonly SourcePage[], { source }: KeptPage): Blended => {
  const [page] = pages;
  const count = page?.items.length ?? 0;
  let items: Blended['items'] | null = null;
  return {
    get items() {
      return (items ??= blend(pages, count).items);
    },
    taken: { [source]: count },
    more: page?.more === true,
  };
};

/** A cursor says until when it is good, to the second: within one, and for the same answer, it is the same text. */
export const keptCursor = ({ forms }: KeptPage, now: Date, make: () => string): string => {
  const second = Math.floor(now.getTime() / 1000);
  if (forms.cursor?.second === second) return forms.cursor.text;
  const text = make();
  forms.cursor = { second, text };
  return text;
};
