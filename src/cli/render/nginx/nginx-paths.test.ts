import { describe, expect, it } from 'vitest';
import { KNOWN_SEGMENTS, pathMap } from './nginx-paths.ts';

/** As nginx reads a `map` of regular expressions: the first that fits. */
const logged = (requestUri: string): string => {
  for (const line of pathMap().split('\n').slice(1)) {
    const [, pattern = '', value = ''] = /^\s+"~(.*)" "(.*)";$/.exec(line) ?? [];
    const found = new RegExp(pattern).exec(requestUri);
    if (found !== null) return value.replace(/\$(\w+)/, (_all, name: string) => found.groups?.[name] ?? '');
  }
  return '/*';
};

describe('F-39 what nginx logs of an address', () => {
  it.each([
    ['/', '/'],
    ['/?q=secret', '/'],
    ['/health', '/health'],
    ['/federation/v1/tasks?limit=1&q=secret', '/federation/v1/tasks'],
    ['/federation/v1/tasks/', '/federation/v1/tasks'],
    [
      '/api/admin/grants/0f8fad5b-d9cb-469f-a165-70867728950e/revoke',
      '/api/admin/grants/0f8fad5b-d9cb-469f-a165-70867728950e/revoke',
    ],
    ['/api/admin/users/alice', '/api/admin/users/*'],
    ['/api/admin/users/alice/tokens', '/api/admin/users/*'],
    ['/enrollment/v1%23token=secret', '/enrollment/*'],
    ['/enrollment/v1#token=secret', '/enrollment/*'],
    ['/enrollment/v1/secret/redeem', '/enrollment/v1/*'],
    ['/federation/v1/serach/secret', '/federation/v1/*'],
    ['/apisecret', '/*'],
    ['/secret', '/*'],
    ['//api', '/*'],
    ['http://secret/api', '/*'],
    ['', '/*'],
  ])('%j is %j', (requestUri, path) => {
    expect(logged(requestUri)).toBe(path);
  });

  it('the words are in order, each once', () => {
    expect(KNOWN_SEGMENTS).toEqual([...new Set(KNOWN_SEGMENTS)].toSorted());
  });
});
