import { Argument, type Command } from 'commander';
import { RESOURCES, type Resource } from '../../../domain/resources.ts';
import { queryAnswer, type QueryAnswer } from '../client/answers.ts';
import { segment, type Api } from '../client/api.ts';
import { apiLeaf, connect, print, printMore, withPaging, type ApiOptions } from '../shell/command.ts';
import { usageError } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';
import { collectPages, type PagingOptions } from '../client/paging.ts';
import { renderBlend, renderNotices, renderSources } from '../render/rows.ts';

interface QueryOptions extends ApiOptions, PagingOptions {
  readonly source?: string;
  readonly id?: string;
}

/** Several pages as one answer: counts and times add up, the newest word on a source stands. */
export const mergeSources = (
  before: QueryAnswer['sources'],
  page: QueryAnswer['sources'],
): QueryAnswer['sources'] => {
  const merged = { ...before };
  for (const [name, source] of Object.entries(page)) {
    const earlier = before[name];
    merged[name] = {
      ...source,
      count: (earlier?.count ?? 0) + (source.count ?? 0),
      latency_ms: (earlier?.latency_ms ?? 0) + (source.latency_ms ?? 0),
    };
  }
  return merged;
};

const ask = async (api: Api, resource: Resource, options: QueryOptions): Promise<QueryAnswer> => {
  const path = `/api/query/${resource}`;
  const { source, id } = options;
  if (id !== undefined) return api.get(`${path}/${segment(id)}`, queryAnswer, { source });
  let sources: QueryAnswer['sources'] = {};
  const notices: QueryAnswer['notices'] = [];
  const { items, next_cursor } = await collectPages<QueryAnswer['items'][number], QueryAnswer>(
    (page) => api.get(path, queryAnswer, { source, ...page }),
    options,
    (page) => {
      sources = mergeSources(sources, page.sources);
      for (const notice of page.notices) notices.push(notice);
    },
  );
  return { items: [...items], next_cursor, sources, notices };
};

export const addQuery = (program: Command, io: Io): void => {
  withPaging(
    apiLeaf(program, 'query', 'Query this gateway and your peers; every row names its source.', [
      'mosaic query tasks',
      'mosaic query tasks --source federated:work --limit 20 --json',
      'mosaic query notes --id 3d3bd0f5-93a1-4d1e-8f3e-0b9b6f1a2c3d',
    ])
      .addArgument(new Argument('<resource>', 'kind of row to query').choices(RESOURCES))
      .option('--source <source>', 'local, federated:<peer> or all (default all)')
      .option('--id <id>', 'id of the one row to show'),
  ).action(async (resource: Resource, options: QueryOptions) => {
    if (options.id !== undefined && (options.all === true || options.limit !== undefined)) {
      throw usageError('--id names one row, so --limit and --all cannot be used with it.');
    }
    const answer = await ask(await connect(io, options), resource, options);
    print(
      io,
      options,
      answer,
      () => `${renderBlend(resource, answer.items)}\n${renderSources(answer.sources)}`,
    );
    if (options.json !== true) io.err(renderNotices(answer.notices));
    printMore(io, options, answer.next_cursor ?? null);
  });
};
