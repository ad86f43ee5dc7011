import { describe, expect, it } from 'vitest';
import { newRowShape } from '../resources/resource-shapes.ts';
import { instant } from './grant-shapes.ts';

describe('F-58 the API and a day that no calendar has', () => {
  it.each([
    '2027-02-30T00:00:00Z',
    '2027-02-29T12:00:00+02:00',
    '2027-04-31T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '2027-01-31T24:00:00Z',
    '2027-13-01T00:00:00Z',
    '2027-02-30',
  ])('%s is refused as the end of a grant, as the bound of a list and as a field of a row', (text) => {
    expect(instant.safeParse(text).success).toBe(false);
    expect(newRowShape('tasks').safeParse({ title: 'x', due_at: text }).success).toBe(false);
  });
});
