import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toMosaicError } from '../../db/driver/errors.ts';
import { hindranceOf } from '../../domain/database/hindrance.ts';
import type { LogFields } from '../../domain/ports/basics.ts';
import { hindranceWatch } from './database-watch.ts';

const met = (code: string) => hindranceOf(toMosaicError(Object.assign(new Error('x'), { code })));

describe('F-21 what statements meet at a database that can be served from otherwise', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['53100', 'full'],
    ['55P03', 'locked'],
    ['42P01', 'incomplete'],
    ['42501', 'incomplete'],
    ['XX001', 'damaged'],
    ['58030', 'damaged'],
    // Anybody’s heavy search runs out of time, data is refused, and connections have a state of their own.
    ['57014', null],
    ['23505', null],
    ['22P05', null],
    ['53300', null],
    ['08006', null],
  ])('%s is %s', (code, hindrance) => {
    expect(met(code)).toBe(hindrance);
    expect(hindranceOf(new Error(code))).toBeNull();
  });

  it('is told at once, with its cure, and once a minute for each of them', () => {
    const told: LogFields[] = [];
    const error = (_message: string, fields: LogFields = {}): void => void told.push(fields);
    const unused = (): void => undefined;
    const watch = hindranceWatch({ debug: unused, info: unused, warn: unused, error });
    for (let second = 0; second < 100; second += 1) {
      watch('full');
      watch('locked');
      vi.advanceTimersByTime(1_000);
    }
    expect(told.map(({ hindrance }) => hindrance)).toEqual(['full', 'locked', 'full', 'locked']);
    expect(told[0]).toMatchObject({
      alert: 'database_hindered',
      cure: expect.stringContaining('disk') as unknown,
    });
  });
});
