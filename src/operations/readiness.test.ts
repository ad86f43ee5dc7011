import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTestDeps, type TestDeps } from '../app/deps.testkit.ts';
import { readiness } from './readiness.ts';

let deps: TestDeps;
beforeAll(async () => {
  deps = await makeTestDeps({});
}, 60_000);
afterAll(() => deps.close());

describe('H-1 readiness while the database has just gone silent', () => {
  it('says away, with a cure, although no statement has run out of time yet', async () => {
    // Nothing answers, as through a black hole: the ping neither succeeds nor fails.
    const storage = { ...deps.storage, ping: () => new Promise<never>(() => {}) };
    const { status, services } = await readiness({ ...deps, storage });
    expect(status).toBe('unavailable');
    expect(services.database.status).toBe('unreachable');
    expect(services.database.state).toMatchObject({
      condition: 'away',
      cure: expect.stringContaining('Postgres') as string,
    });
    expect((await readiness(deps)).services.database.state.condition).toBe('ok');
  });
});
