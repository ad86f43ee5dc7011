import type { Command } from 'commander';
import { MAX_QUERY_LENGTH, SEARCHABLE } from '../../../domain/search/hit.ts';
import { searchAnswer, type SearchAnswer } from '../client/answers.ts';
import { apiLeaf, connect, print, printMore, withPaging, type ApiOptions } from '../shell/command.ts';
import { usageError } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';
import { collectPages, type PagingOptions } from '../client/paging.ts';
import { renderHits } from '../render/hits.ts';
import { renderNotices, renderSources } from '../render/rows.ts';
import { mergeSources } from './query.ts';

interface SearchOptions extends ApiOptions, PagingOptions {
  readonly source?: string;
  readonly resources?: string;
}

export const addSearch = (program: Command, io: Io): void => {
  withPaging(
    apiLeaf(
      program,
      'search',
      'Search this gateway and your peers, best hits first; every hit names its source.',
      [
        'mosaic search message queue',
        `mosaic search '"incident drill" or rehearsal -cancelled' --resources tasks,notes`,
        'mosaic search queue --source federated:work --limit 5 --json',
      ],
    )
      .argument('<words...>', 'words that must all occur; "a phrase", or, -word for what must not')
      .option('--source <source>', 'local, federated:<peer> or all (default all)')
      .option(
        '--resources <names>',
        `comma-separated, of ${SEARCHABLE.join(', ')} (default all you may search)`,
      ),
  ).action(async (words: readonly string[], options: SearchOptions) => {
    const q = words.join(' ');
    if (q.length > MAX_QUERY_LENGTH) throw usageError(`A query has at most ${MAX_QUERY_LENGTH} characters.`);
    const api = await connect(io, options);
    const { source, resources } = options;
    let sources: SearchAnswer['sources'] = {};
    const notices: SearchAnswer['notices'] = [];
    const { items, next_cursor } = await collectPages<SearchAnswer['items'][number], SearchAnswer>(
      (page) => api.get('/api/query/search', searchAnswer, { q, source, resources, ...page }),
      options,
      (page) => {
        sources = mergeSources(sources, page.sources);
        for (const notice of page.notices) notices.push(notice);
      },
    );
    const answer = { items: [...items], next_cursor, sources, notices };
    print(io, options, answer, () => `${renderHits(answer.items)}\n${renderSources(sources)}`);
    if (options.json !== true) io.err(renderNotices(notices));
    printMore(io, options, next_cursor);
  });
};
