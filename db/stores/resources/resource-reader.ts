import { assertAuthorized, type AuthorizedList } from '../../../domain/access/decide.ts';
import type { Page } from '../../../domain/ports/page.ts';
import type { Fenced, JsonPage, ResourceReader } from '../../../domain/ports/resources.ts';
import { MAX_PAGE_BYTES, rowsWithin } from '../../../domain/paging/page-bytes.ts';
import { RESOURCES, type Resource, type ResourceRow } from '../../../domain/resources.ts';
import { positionOf, type FoundRow } from '../../../domain/search/hit.ts';
import type { Queryable } from '../../driver/driver.ts';
import { shownColumns } from '../../sql/columns.ts';
import { unpack, type PackedPage } from '../../sql/packed.ts';
import { boundOf } from '../../sql/page-bytes.ts';
import {
  capabilitiesStatement,
  getStatement,
  listStatement,
  packedListStatement,
  storedListStatement,
} from '../../sql/read.ts';
import { searchStatement } from '../../sql/search.ts';
import { drawSeparator, unpackStored } from '../../sql/stored-page.ts';

/** What a left join gives for an empty page. */
type MaybeRow = ResourceRow | { readonly id: null };

/** Columns of several resources in one shape; those of another resource are null. */
type FoundColumns = Readonly<Record<string, string | null>> & {
  readonly _resource: Resource;
  readonly _rank: number;
};

const REFUSED = { admitted: false } as const;
const admitted = <T>(value: T): Fenced<T> => ({ admitted: true, value });

const isRow = (row: MaybeRow | undefined): row is ResourceRow => row !== undefined && row.id !== null;

const NAMES = Object.fromEntries(
  RESOURCES.map((resource) => [resource, shownColumns(resource).map(({ name }) => name)]),
) as unknown as Readonly<Record<Resource, readonly string[]>>;

const toFound = (columns: FoundColumns): FoundRow => {
  const row: Record<string, string | null> = {};
  for (const name of NAMES[columns._resource]) row[name] = columns[name] ?? null;
  return { resource: columns._resource, rank: columns._rank, row: row as unknown as ResourceRow };
};

const asJson = ({ items, next }: Page<ResourceRow>): JsonPage => ({
  json: items.map((row) => JSON.stringify(row)).join(','),
  count: items.length,
  next,
});

const EMPTY: JsonPage = { json: '', count: 0, next: null };

/** A page of few rows; null when it is too much for that, or cannot be shown this way. */
const lightPage = async (
  db: Queryable,
  { terms }: AuthorizedList,
  holder: string | null,
): Promise<Fenced<JsonPage> | null> => {
  const { resource, limit } = terms.target;
  const { text, params } = packedListStatement(terms, holder);
  const [page] = await db.query<PackedPage>(text, params);
  if (page === undefined) return REFUSED;
  if (page.packed === null) return admitted(EMPTY);
  if (page.is_cut) return null;
  const hasMore = page.rows > limit;
  const unpacked = unpack(resource, page.packed, hasMore);
  if (unpacked === null) return null;
  const count = hasMore ? page.rows - 1 : page.rows;
  return admitted({ json: unpacked.json, count, next: hasMore ? unpacked.last : null });
};

/** A page within `maxBytes`; null when it cannot be shown this way. */
const longPage = async (
  db: Queryable,
  { terms }: AuthorizedList,
  maxBytes: number,
  holder: string | null,
): Promise<Fenced<JsonPage> | null> => {
  const { resource, limit } = terms.target;
  const separator = drawSeparator();
  const { text, params } = storedListStatement(terms, maxBytes, separator, holder);
  const [page] = await db.query<PackedPage>(text, params);
  if (page === undefined) return REFUSED;
  if (page.packed === null) return admitted(EMPTY);
  const unpacked = unpackStored(resource, page, separator, { limit, maxBytes });
  if (unpacked === null) return null;
  const { json, count, hasMore, last } = unpacked;
  return admitted({ json, count, next: hasMore ? last : null });
};

/**
 * Reads rows for who was authorized, each in one statement: nothing here filters, the statement does.
 * @param holder whose serving lease the statements look for; null: none
 */
export const createResourceReader = (
  db: Queryable,
  maxPageBytes = MAX_PAGE_BYTES,
  holder: string | null = null,
): ResourceReader => ({
  ...createRowReader(db, maxPageBytes, holder),

  listJson: async (read) => {
    assertAuthorized(read);
    const { limit } = read.terms.target;
    const light = boundOf(limit, maxPageBytes) === 'light' ? await lightPage(db, read, holder) : null;
    const page = light ?? (await longPage(db, read, maxPageBytes, holder));
    if (page !== null) return page;
    const plain = await createRowReader(db, maxPageBytes, holder).list(read);
    return plain.admitted ? admitted(asJson(plain.value)) : REFUSED;
  },
});

const createRowReader = (
  db: Queryable,
  maxPageBytes: number,
  holder: string | null,
): Omit<ResourceReader, 'listJson'> => ({
  capabilities: async (read) => {
    assertAuthorized(read);
    const { text, params } = capabilitiesStatement(read.terms, holder);
    return (await db.query(text, params)).length === 1 ? admitted(null) : REFUSED;
  },

  list: async (read) => {
    assertAuthorized(read);
    const bound = boundOf(read.terms.target.limit, maxPageBytes);
    const readRows = (within: typeof bound): Promise<readonly MaybeRow[]> => {
      const { text, params } = listStatement(read.terms, within, holder);
      return db.query<MaybeRow>(text, params);
    };
    let rows = await readRows(bound);
    // A title is never null otherwise.
    if (bound === 'light' && isRow(rows[0]) && rows[0]['title'] === null) rows = await readRows(maxPageBytes);
    if (rows.length === 0) return REFUSED;
    if (!isRow(rows[0])) return admitted({ items: [], next: null });
    const found = rows as readonly ResourceRow[];
    const whole = found.at(-1)?.['title'] === null ? found.length - 1 : found.length;
    const fitting = bound === 'light' ? whole : rowsWithin(found.slice(0, whole), maxPageBytes);
    const items = found.slice(0, Math.min(fitting, read.terms.target.limit));
    const last = items.length < found.length ? items.at(-1) : undefined;
    return admitted({ items, next: last === undefined ? null : { createdAt: last.created_at, id: last.id } });
  },

  get: async (read) => {
    assertAuthorized(read);
    const { text, params } = getStatement(read.terms, holder);
    const [row] = await db.query<MaybeRow>(text, params);
    if (row === undefined) return REFUSED;
    return admitted(isRow(row) ? row : null);
  },

  search: async (read) => {
    assertAuthorized(read);
    const { text, params } = searchStatement(read.terms, maxPageBytes, holder);
    const rows = await db.query<FoundColumns | { readonly _resource: null }>(text, params);
    if (rows.length === 0) return REFUSED;
    const found = rows.filter((row) => row._resource !== null);
    const whole = found.at(-1)?.['title'] === null ? found.slice(0, -1) : found;
    const fitting = rowsWithin(whole, maxPageBytes);
    const hits = whole.slice(0, Math.min(fitting, read.terms.target.limit)).map(toFound);
    const last = found.length > hits.length ? hits.at(-1) : undefined;
    return admitted({ hits, next: last === undefined ? null : positionOf(last) });
  },
});
