import { describe, expect, it } from 'vitest';
import { COMMON_COLUMNS, RESOURCES, isResource, isSensitive, resourceSpec } from './resources.ts';

describe('resources table', () => {
  it('knows the five resources, two of them sensitive', () => {
    expect(RESOURCES).toEqual(['tasks', 'notes', 'memory', 'credentials', 'api_keys']);
    expect(RESOURCES.filter(isSensitive)).toEqual(['credentials', 'api_keys']);
  });

  it('shows no secret material', () => {
    for (const resource of RESOURCES) {
      expect(
        [...COMMON_COLUMNS, ...Object.keys(resourceSpec(resource).fields)].filter((name) =>
          name.includes('secret'),
        ),
      ).toEqual([]);
    }
  });

  it.each(['constructor', '__proto__', 'Tasks', '', 1, null])('does not know %s', (value) => {
    expect(isResource(value)).toBe(false);
  });
});
