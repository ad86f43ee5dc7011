import { NAMES_BYTES, textFields } from '../../domain/paging/page-bytes.ts';
import { byResource, resourceSpec, type Resource } from '../../domain/resources.ts';
import { shownColumns } from './columns.ts';
import { inDigits, orNull, TIME_FORM, type PackedPage, type UnpackedPage } from './packed.ts';
import { storedTextBytes } from './page-bytes.ts';

/*
 * A page in one text as packed.ts has it, but with its texts as they are stored: the gateway makes JSON of them row by row, and stops when
 * the page is full. What the database would write as JSON for nothing is then never written, and what it does write is
 * written once (page-bytes.ts).
 *
 * Texts may hold anything. So columns and rows end with a separator that is drawn anew for each statement, after the
 * texts were written: nobody can have written it into one. Should one hold it all the same, the page has another number of
 * columns than it should, and is not read.
 */

type Form = 'id' | 'time' | 'json' | 'text';

interface StoredColumn {
  readonly name: string;
  readonly form: Form;
  readonly expression: string;
}

/** Before a text, so that an empty one is not taken for none. */
const TEXT_MARK = 't';

const columnsOf = (resource: Resource, table: string): readonly StoredColumn[] => {
  const { fields } = resourceSpec(resource);
  return shownColumns(resource).map(({ name, isTime }) => {
    const column = `${table}.${name}`;
    if (name === 'id') return { name, form: 'id', expression: column };
    if (isTime) return { name, form: 'time', expression: `coalesce((${inDigits(column)})::text, '')` };
    if (fields[name]?.kind !== 'text')
      return { name, form: 'json', expression: orNull(`'"' || ${column} || '"'`) };
    const text = `case when not ${table}.is_beyond then ${column} end`;
    return { name, form: 'text', expression: `coalesce('${TEXT_MARK}' || ${text}, '')` };
  });
};

const COLUMN_END = ',';
const ROW_END = ';';

/**
 * `packed`, `rows` and `is_cut` of the rows of `table`, in the order they come in. The first column of each row is how many bytes its
 * texts have in UTF-8.
 *
 * @param separator SQL of the parameter that holds it
 */
export const storedColumns = (resource: Resource, table: string, separator: string): string => {
  const columns = columnsOf(resource, table).map(({ expression }) => expression);
  const bytes = storedTextBytes(textFields(resource), table);
  return `string_agg(concat_ws(${separator} || '${COLUMN_END}', ${bytes}, ${columns.join(', ')}), ${separator} || '${ROW_END}') as packed,
    count(*)::integer as rows, coalesce(bool_or(${table}.is_beyond), false) as is_cut`;
};

/** @returns a separator for one statement */
export const drawSeparator = (): string => crypto.randomUUID();

/** A time as RFC 3339; null for one that is unusual. */
const timeJson = (stored: string): string | null => {
  const [, date, time] = TIME_FORM.exec(stored) ?? [];
  return date === undefined || time === undefined ? null : `"${date}T${time}Z"`;
};

/** JSON of one value; null when it cannot be made. */
const valueJson = (form: Form, stored: string): string | null => {
  switch (form) {
    case 'id':
      return `"${stored}"`;
    case 'json':
      return stored;
    case 'time':
      return stored === '' ? 'null' : timeJson(stored);
    case 'text':
      return stored === '' ? 'null' : JSON.stringify(stored.slice(TEXT_MARK.length));
  }
};

interface Shape {
  readonly columns: readonly { readonly form: Form; readonly before: string }[];
  readonly createdAt: number;
}

const makeShape = (resource: Resource): Shape => {
  const columns = columnsOf(resource, '');
  return {
    columns: columns.map(({ name, form }, index) => ({
      form,
      before: `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`,
    })),
    createdAt: columns.findIndex(({ name }) => name === 'created_at'),
  };
};

const SHAPES = byResource(makeShape);

interface RowJson {
  readonly json: string;
  /** In UTF-8, rounded up. */
  readonly bytes: number;
  readonly last: UnpackedPage['last'];
}

/** The JSON of a row, letter by letter what `JSON.stringify` makes of it; null when it cannot be made. */
const rowJson = ({ columns, createdAt }: Shape, stored: readonly string[]): RowJson | null => {
  if (stored.length !== columns.length + 1) return null;
  let json = '';
  // As `rowsWithin` counts. What UTF-8 takes beyond one byte for each unit of UTF-16 is only in the texts: what escapes them is ASCII.
  let bytes = NAMES_BYTES + Number(stored[0]);
  for (const [index, { form, before }] of columns.entries()) {
    const value = stored[index + 1] ?? '';
    const made = valueJson(form, value);
    if (made === null) return null;
    if (made !== 'null') bytes += made.length;
    if (form === 'text' && value !== '') bytes -= value.length - TEXT_MARK.length;
    json += before + made;
  }
  json += '}';
  const at = timeJson(stored[createdAt + 1] ?? '');
  if (at === null) return null;
  return {
    json,
    bytes,
    last: { createdAt: at.slice(1, -1), id: stored[1] ?? '' },
  };
};

export interface StoredPage extends UnpackedPage {
  readonly count: number;
  readonly hasMore: boolean;
}

/**
 * Makes the JSON of a page: rows until `maxBytes` are reached, at most `limit`. null when it cannot, for a time with another year than one of
 * four digits.
 */
export const unpackStored = (
  resource: Resource,
  { packed, rows, is_cut }: PackedPage,
  separator: string,
  { limit, maxBytes }: { readonly limit: number; readonly maxBytes: number },
): StoredPage | null => {
  const lines = (packed ?? '').split(separator + ROW_END);
  if (lines.length !== rows) return null;
  const shape = SHAPES[resource];
  const most = is_cut ? rows - 1 : Math.min(rows, limit);
  const made: string[] = [];
  let bytes = 0;
  let last: UnpackedPage['last'] = null;
  while (made.length < most && bytes < maxBytes) {
    const row = rowJson(shape, (lines[made.length] ?? '').split(separator + COLUMN_END));
    if (row === null) return null;
    made.push(row.json);
    bytes += row.bytes;
    ({ last } = row);
  }
  return { json: made.join(','), last, count: made.length, hasMore: made.length < rows };
};
