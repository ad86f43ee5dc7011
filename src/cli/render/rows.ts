import { resourceSpec, type Resource } from '../../../domain/resources.ts';
import type { QueryAnswer, RowAnswer } from '../client/answers.ts';
import { clip, moment, safe } from './text.ts';
import { facts, table, tableOr } from './table.ts';

const WIDEST_CELL = 50;

/** Long texts stay out of tables; `resource show` and `--json` have them. */
const SHORT_FIELD_LIMIT = 2_000;

const columnsOf = (resource: Resource): readonly string[] =>
  Object.entries(resourceSpec(resource).fields)
    .filter(([, field]) => field.maxLength <= SHORT_FIELD_LIMIT)
    .map(([name]) => name);

const cell = (value: unknown): string =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? moment(value) : clip(value, WIDEST_CELL);

const whose = (row: RowAnswer): string =>
  typeof row['team_id'] === 'string' ? `team ${safe(row['team_id'])}` : 'personal';

const headOf = (columns: readonly string[]): readonly string[] =>
  columns.map((name) => name.toUpperCase().replaceAll('_', ' '));

export const renderRows = (resource: Resource, rows: readonly RowAnswer[]): string => {
  const columns = columnsOf(resource);
  return tableOr(
    `There are no ${resource}.`,
    ['ID', ...headOf(columns), 'BELONGS TO', 'CREATED'],
    rows.map((row) => [
      safe(row.id),
      ...columns.map((name) => cell(row[name])),
      whose(row),
      moment(row.created_at),
    ]),
  );
};

/** One row in full, long texts included. */
export const renderRow = (row: RowAnswer): string =>
  facts(
    Object.entries(row).map(([name, value]) => [
      safe(name),
      (typeof value === 'string' ? value : safe(value)).split('\n').map(safe).join('\n'),
    ]),
  );

/** Rows of several gateways together, each with where it came from. */
export const renderBlend = (resource: Resource, items: QueryAnswer['items']): string => {
  const columns = columnsOf(resource);
  return tableOr(
    `No source gave any ${resource}.`,
    ['_SOURCE', ...headOf(columns), 'BELONGS TO', 'CREATED', 'ID'],
    items.map((row) => [
      clip(row._source, WIDEST_CELL),
      ...columns.map((name) => cell(row[name])),
      whose(row),
      moment(row.created_at),
      safe(row.id),
    ]),
  );
};

/** How each source did, in one line each. */
export const renderSources = (sources: QueryAnswer['sources']): string => {
  const rows = Object.entries(sources).map(([name, source]) => [
    clip(name, WIDEST_CELL),
    safe(source.status),
    source.count === null || source.count === undefined ? '-' : String(source.count),
    source.latency_ms === null || source.latency_ms === undefined
      ? '-'
      : `${Math.round(source.latency_ms)} ms`,
    source.code ? `${safe(source.code)}: ${clip(source.message, 100)}` : '',
  ]);
  return rows.length === 0 ? '' : table(['SOURCE', 'STATUS', 'ROWS', 'TOOK', ''], rows);
};

export const renderNotices = (notices: QueryAnswer['notices']): string =>
  notices
    .map(({ source, code, message }) => `Notice: ${safe(source)}: ${safe(code)}: ${safe(message)}\n`)
    .join('');
