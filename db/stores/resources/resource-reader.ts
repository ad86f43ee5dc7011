import {
  assertAuthorized,
  type AuthorizedCapabilities,
  type AuthorizedGet,
  type AuthorizedList,
  type AuthorizedRead,
  type AuthorizedSearch,
} from '../../../domain/access/decide.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Page } from '../../../domain/ports/page.ts';
import type { Fenced, JsonPage, ResourceReader } from '../../../domain/ports/resources.ts';
import { boundOf, MAX_PAGE_BYTES, rowsWithin } from '../../../domain/paging/page-bytes.ts';
import { RESOURCES, type Resource, type ResourceRow } from '../../../domain/resources.ts';
import { positionOf, type FoundRow } from '../../../domain/search/hit.ts';
import type { Queryable } from '../../driver/driver.ts';
import { DatabaseFault } from '../../driver/errors.ts';
import type { Lease } from '../../lease.ts';
import { shownColumns } from '../../sql/columns.ts';
import { unpack, type PackedPage } from '../../sql/packed.ts';
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

/** Where a read goes, and whose serving lease its statement looks for there; null: none. */
export interface ReadConnection {
  readonly db: Queryable;
  readonly lease: Lease | null;
}

/** For a database whose reads all go one way. */
export const allOn = (db: Queryable) => (): ReadConnection => ({ db, lease: null });

const tooLate = (): MosaicError =>
  new MosaicError('database_unavailable', {
    cause: new DatabaseFault('LEASE', 'the answer came after the lease'),
  });

/** An answer that took longer than a lease lasts says nothing of now. */
const inTime = async <T>(lease: Lease, work: () => Promise<T>): Promise<T> => {
  lease.assertHeld();
  const from = performance.now();
  const answer = await work();
  if (performance.now() - from > lease.lengthMs) throw tooLate();
  return answer;
};

/**
 * Where a statement found the lease missing, that is the database's state (503) and nothing about the grant. It may have been renewed
 * between the statement that missed it and the look at it: only after that look a refusal is the grant's.
 */
const leased = async <T>(
  { db, lease }: ReadConnection & { readonly lease: Lease },
  work: () => Promise<Fenced<T>>,
): Promise<Fenced<T>> => {
  const answer = await inTime(lease, work);
  if (answer.admitted) return answer;
  await lease.assertHeldOn(db);
  return inTime(lease, work);
};

type Work<Read, T> = (db: Queryable, read: Read, holder: string | null) => Promise<Fenced<T>>;

const listRows = async (
  db: Queryable,
  { terms }: AuthorizedList,
  holder: string | null,
  maxPageBytes: number,
): Promise<Fenced<Page<ResourceRow>>> => {
  const { limit } = terms.target;
  const bound = boundOf(limit, maxPageBytes);
  const readRows = (within: typeof bound): Promise<readonly MaybeRow[]> => {
    const { text, params } = listStatement(terms, within, holder);
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
  const items = found.slice(0, Math.min(fitting, limit));
  const last = items.length < found.length ? items.at(-1) : undefined;
  return admitted({ items, next: last === undefined ? null : { createdAt: last.created_at, id: last.id } });
};

/**
 * Reads rows for who was authorized, each in one statement: nothing here filters, the statement does.
 * @param connectionFor which connection a read takes
 */
export const createResourceReader = (
  connectionFor: (read: AuthorizedRead) => ReadConnection,
  maxPageBytes = MAX_PAGE_BYTES,
): ResourceReader => {
  const reading =
    <Read extends AuthorizedRead, T>(work: Work<Read, T>) =>
    async (read: Read): Promise<Fenced<T>> => {
      assertAuthorized(read);
      const { db, lease } = connectionFor(read);
      // Who reads at their own gateway has no fence, and no lease to look for.
      if (lease === null || read.terms.fence === null) return work(db, read, null);
      return leased({ db, lease }, () => work(db, read, lease.holder));
    };
  return {
    capabilities: reading(async (db, { terms }: AuthorizedCapabilities, holder) => {
      const { text, params } = capabilitiesStatement(terms, holder);
      return (await db.query(text, params)).length === 1 ? admitted(null) : REFUSED;
    }),

    list: reading((db, read: AuthorizedList, holder) => listRows(db, read, holder, maxPageBytes)),

    listJson: reading(async (db, read: AuthorizedList, holder) => {
      const isLight = boundOf(read.terms.target.limit, maxPageBytes) === 'light';
      const light = isLight ? await lightPage(db, read, holder) : null;
      const page = light ?? (await longPage(db, read, maxPageBytes, holder));
      if (page !== null) return page;
      const plain = await listRows(db, read, holder, maxPageBytes);
      return plain.admitted ? admitted(asJson(plain.value)) : REFUSED;
    }),

    get: reading(async (db, { terms }: AuthorizedGet, holder) => {
      const { text, params } = getStatement(terms, holder);
      const [row] = await db.query<MaybeRow>(text, params);
      if (row === undefined) return REFUSED;
      return admitted(isRow(row) ? row : null);
    }),

    search: reading(async (db, { terms }: AuthorizedSearch, holder) => {
      const { text, params } = searchStatement(terms, maxPageBytes, holder);
      const rows = await db.query<FoundColumns | { readonly _resource: null }>(text, params);
      if (rows.length === 0) return REFUSED;
      const found = rows.filter((row) => row._resource !== null);
      const whole = found.at(-1)?.['title'] === null ? found.slice(0, -1) : found;
      const fitting = rowsWithin(whole, maxPageBytes);
      const hits = whole.slice(0, Math.min(fitting, terms.target.limit)).map(toFound);
      const last = found.length > hits.length ? hits.at(-1) : undefined;
      return admitted({ hits, next: last === undefined ? null : positionOf(last) });
    }),
  };
};
