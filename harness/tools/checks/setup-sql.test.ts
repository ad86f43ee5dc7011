import { expect, it } from 'vitest';
import { DEFAULT_LOGINS, setupSql } from '../../../db/logins.ts';
import { readText } from './repository.ts';

it('the containers’ setup is what mosaic database setup-sql prints', () => {
  expect(readText('infra/docker/postgres-setup.sql')).toBe(setupSql(DEFAULT_LOGINS));
});
