import { describe, expect, it } from 'vitest';
import { codeFiles, readText } from './repository.ts';

const MOST_LINES = 250;
/** Of suites, whose cases share a world, and of the exceptions. */
const MOST_LINES_OF_SUITES = 400;

/** Files that are easier to read whole, or that wait for something; each with its reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'domain/access/decide.ts': 'the choke point: AuthorizedRead and all that can make one stand in one file',
  'src/config/schema.ts': 'one table of settings, from which the schema and the reference are made',
  'db/sql/read.ts': 'the statement of a list: its parts are read against each other',
  'routes/inbound/index.ts': 'the inbound verbs, which share the way of one request',
  'src/kernel/work-in-flight.ts': 'one state machine over one set of counters',
  'src/audit/audit-chains.ts': 'one state machine over one set of chains',
  'src/outbound/query/query.ts': 'one use case from its sources to its answer',
  'harness/tools/mutate/typescript.ts': 'one table of mutations and what reads it',
};

const isSuite = (path: string): boolean =>
  /\.(test|testkit|contract)\.ts$/.test(path) || /^harness\/tests\/(acceptance|conformance)\//.test(path);
const linesOf = (path: string): number => readText(path).split('\n').length - 1;

describe('the length of files', () => {
  it(`is at most ${MOST_LINES} lines, of suites and argued exceptions ${MOST_LINES_OF_SUITES}`, () => {
    const tooLong = codeFiles()
      .filter((path) => path.endsWith('.ts'))
      .map((path) => ({ path, lines: linesOf(path) }))
      .filter(({ path, lines }) => {
        const isLonger = isSuite(path) || EXCEPTIONS[path] !== undefined;
        return lines > (isLonger ? MOST_LINES_OF_SUITES : MOST_LINES);
      });
    expect(tooLong).toEqual([]);
  });

  it('has no exception for a file that is gone', () => {
    const files = new Set(codeFiles());
    expect(Object.keys(EXCEPTIONS).filter((path) => !files.has(path))).toEqual([]);
  });
});
