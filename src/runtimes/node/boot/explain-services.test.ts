import { describe, expect, it } from 'vitest';
import { DatabaseFault, toMosaicError } from '../../../../db/driver/errors.ts';
import type { DatabaseFacts } from '../../../../db/facts.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import { BootError, LateError, within } from './boot-fault.ts';
import { factsReason, kvReason, placeOf, postgresReason, stepCaReason } from './explain-services.ts';

const CANARY = 'canary-5e21';
const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });

describe('M1-2 what an operator reads of a service', () => {
  it.each([
    [`postgres://u:${CANARY}@db.example:5433/m`, 'db.example:5433'],
    [`postgres://u:${CANARY}@db/m`, 'db:5432'],
    [`postgres:///m?host=/run/pg`, '/run/pg:5432'],
    [`valkeys://:${CANARY}@[::1]`, '[::1]:6379'],
    ['https://ca.example', 'ca.example:443'],
    [CANARY, '(not an address)'],
  ])('of %s only host and port', (url, place) => {
    expect(placeOf(url)).toBe(place);
  });

  it.each([
    ['ECONNREFUSED', /nothing listens/, /DATABASE_URL/],
    ['ENOTFOUND', /no such host/, /DATABASE_URL/],
    ['CONNECT_TIMEOUT', /in time/, /hangs/],
    ['28P01', /password/, /DATABASE_URL.*_FILE/],
    ['3D000', /no such database/, /create it/],
    ['42501', /purpose/, /setup-sql/],
    ['22023', /schema/, /mosaic database migrate/],
  ])('Postgres %s', (code, message, remedy) => {
    const reason = postgresReason(toMosaicError(new DatabaseFault(code, `no ${CANARY}`)));
    expect(reason.message).toMatch(message);
    expect(reason.remedy).toMatch(remedy);
    expect(JSON.stringify(reason)).not.toContain(CANARY);
  });

  it('a refusal of our own in its own words', () => {
    const detail = 'The database is newer than this gateway (it has migration 9).';
    expect(postgresReason(new MosaicError('unavailable', { detail })).message).toBe(detail);
  });

  it('Postgres too old, pgvector absent, and what may be created', () => {
    const facts: DatabaseFacts = {
      versionNumber: 150_008,
      version: '15.8',
      vector: null,
      isVectorAvailable: true,
      encoding: 'UTF8',
      characterType: 'C.UTF-8',
    };
    expect(factsReason({ ...facts, vector: '0.8.0' }, false)).toBeNull();
    expect(factsReason(facts, true)).toBeNull();
    expect(factsReason(facts, false)?.remedy).toContain('CREATE EXTENSION vector');
    for (const encoding of ['SQL_ASCII', 'LATIN1'])
      expect(factsReason({ ...facts, encoding }, true)).toMatchObject({
        message: expect.stringContaining(encoding) as unknown,
        remedy: expect.stringContaining('UTF8') as unknown,
      });
    expect(factsReason({ ...facts, isVectorAvailable: false }, true)?.remedy).toContain(
      'postgresql-15-pgvector',
    );
    expect(factsReason({ ...facts, versionNumber: 140_011, version: '14.11' }, true)?.message).toContain(
      '14.11',
    );
  });

  it('the key-value store, with what its adapter advises', () => {
    const own = (text: string) => new MosaicError('unavailable', { cause: new Error(text) });
    expect(
      kvReason(own('Valkey at h:1: it refused the user name or password; check them.'), 'VALKEY_URL'),
    ).toEqual({ message: 'it refused the user name or password', remedy: 'check them (VALKEY_URL)' });
    expect(kvReason(own('Valkey at h:1: no answer in time.'), 'VALKEY_URL')).toEqual({
      message: 'no answer in time',
      remedy: 'start it, or correct VALKEY_URL',
    });
    expect(kvReason(new LateError(5), 'VALKEY_URL').message).toMatch(/in time/);
  });

  it.each([
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /pinned root/, /STEP_CA_ROOT_CERT_PATH/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /does not name that host/, /dnsNames/],
    ['ECONNREFUSED', /nothing listens/, /STEP_CA_URL/],
    ['EPROTO', /TLS/, /STEP_CA_URL/],
  ])('step-ca %s', (code, message, remedy) => {
    const failed = new TypeError('fetch failed', { cause: coded(code) });
    const reason = stepCaReason(new MosaicError('ca_unavailable', { detail: 'x', cause: failed }));
    expect(reason.message).toMatch(message);
    expect(reason.remedy).toMatch(remedy);
  });

  it('names every fault in one message', () => {
    const fault = { service: 'Valkey', where: 'h:1', message: 'm', remedy: 'r' } as const;
    const { message } = new BootError([fault, { ...fault, service: 'Postgres' }]);
    expect(message.split('\n')).toEqual([
      'The gateway cannot start:',
      '  Valkey at h:1: m. What to do: r.',
      '  Postgres at h:1: m. What to do: r.',
    ]);
  });
});

describe('bounded openings', () => {
  it('gives up in time, and closes what opens later', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const closed: string[] = [];
    await expect(within(promise, (opened) => closed.push(opened), 5)).rejects.toThrow(LateError);
    resolve('late');
    await promise;
    await Promise.resolve();
    expect(closed).toEqual(['late']);
    expect(await within(Promise.resolve(1), () => closed.push('no'))).toBe(1);
    expect(closed).toEqual(['late']);
  });
});
