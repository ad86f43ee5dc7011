import { describe, expect, it } from 'vitest';
import { redact } from '../../common/redact.ts';
import { createLog } from './log.ts';

const CANARY = 'c4n4ry9f3b1e7a';
const PEM = `-----BEGIN EC PRIVATE KEY-----\nMHc${CANARY}\n-----END EC PRIVATE KEY-----`;
const SECRETS: readonly (readonly [string, string])[] = [
  ['a bearer token', `Authorization: Bearer ${CANARY}.abc-_~+/=`],
  ['a token of ours', `token mos_${CANARY}${'A'.repeat(30)} was used`],
  ['a setup token', `setup_token: "setup_${CANARY}${'A'.repeat(18)}"`],
  ['a private key', `before ${PEM} after`],
  ['half a private key', `-----BEGIN PRIVATE KEY-----\n${CANARY}`],
  ['a connection string', `connect postgres://user:${CANARY}@db:5432/x failed`],
  ['a connection string without user', `valkey://:${CANARY}@kv:6379`],
  ['a password in a query', `host=db password=${CANARY} user=x`],
  ['an enrollment URL of which the mark was escaped', `/enrollment/v1%23token=${CANARY}`],
  ['a token in a query', `GET /enrollment/v1?access_token=${CANARY}&x=1`],
  ['a token whose sign was escaped', `?token%3D${CANARY}`],
  ['an enrollment URL', `https://a/enrollment/v1#token=${CANARY}&ca=sha256:00`],
];

describe('X-48 log redaction', () => {
  it.each(SECRETS)('%s does not get through', (_name, text) => {
    expect(redact(text)).not.toContain(CANARY);
    expect(redact(text)).toContain('[redacted]');
  });

  it.each(SECRETS)('%s in message, field, error, cause and stack', (_name, text) => {
    let written = '';
    const log = createLog({
      level: 'debug',
      gateway: 'g',
      destination: { write: (line) => void (written += line) },
    });
    const error = new Error(text, { cause: new Error(text) });
    log.error(text, { note: text, error });
    expect(written).not.toContain(CANARY);
    expect(JSON.parse(written)).toMatchObject({
      level: 'error',
      gateway: 'g',
      error: { type: 'Error', cause: { type: 'Error' } },
    });
  });

  it('drops fields whose name says what they hold', () => {
    let written = '';
    const log = createLog({
      level: 'info',
      gateway: 'g',
      destination: { write: (line) => void (written += line) },
    });
    log.info('x', { token: CANARY, authorization: CANARY, keyPem: CANARY, trace_id: 'kept' });
    expect(written).not.toContain(CANARY);
    expect(written).toContain('kept');
  });

  it('F-39 is a line of JSON with nothing in it that a terminal acts on', () => {
    let written = '';
    const log = createLog({
      level: 'info',
      gateway: 'g',
      destination: { write: (line) => void (written += line) },
    });
    const text = `a\u001b[31m\u007f\u0085\u009b31m\u2028\u2029\u202e\u2066\ufeff\ud800${'\u009b'.repeat(60)}é日`;
    log.info(text, { note: text, error: new Error(text) });
    expect(written).not.toMatch(/[^\n -~é日]/);
    expect(written.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(written)).toMatchObject({ message: text, note: text, error: { message: text } });
  });

  it('leaves ordinary text alone', () => {
    const text = 'listening on http://127.0.0.1:8080 and https://[::1]:8443 (user@example.org)';
    expect(redact(text)).toBe(text);
  });

  it('writes nothing below its level', () => {
    let written = '';
    const log = createLog({
      level: 'warn',
      gateway: 'g',
      destination: { write: (line) => void (written += line) },
    });
    log.info('x');
    log.debug('x');
    expect(written).toBe('');
  });
});
