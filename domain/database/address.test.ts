import { describe, expect, it } from 'vitest';
import { isLocalHost, parseDatabaseAddress, placeOfDatabase } from './address.ts';

const parsed = (text: string) => {
  const result = parseDatabaseAddress(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const reason = (text: string): string => {
  const result = parseDatabaseAddress(text);
  return result.ok ? 'accepted' : result.error;
};

describe('F-37 the address of a Postgres, as libpq understands it', () => {
  it.each([
    ['postgres://u:p@h/d', [{ host: 'h', port: 5432 }]],
    ['postgresql://u:p@h:6000/d', [{ host: 'h', port: 6000 }]],
    [
      'postgres://u:p@h1:5432,h2:5433/d',
      [
        { host: 'h1', port: 5432 },
        { host: 'h2', port: 5433 },
      ],
    ],
    ['postgres://u:p@[::1]:5433/d', [{ host: '::1', port: 5433 }]],
    ['postgres://u:p@[2001:db8::1]/d', [{ host: '2001:db8::1', port: 5432 }]],
    [
      'postgres://u:p@[2001:db8::1],h2:1/d',
      [
        { host: '2001:db8::1', port: 5432 },
        { host: 'h2', port: 1 },
      ],
    ],
    ['postgres:///d?host=/var/run/postgresql', [{ host: '/var/run/postgresql', port: 5432 }]],
    ['postgres://u@%2Fvar%2Frun%2Fpostgresql:5433/d', [{ host: '/var/run/postgresql', port: 5433 }]],
    [
      'postgres://u@x/d?host=a,b&port=1,2',
      [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    ],
    [
      'postgres://u@x/d?host=a,::1&port=7',
      [
        { host: 'a', port: 7 },
        { host: '::1', port: 7 },
      ],
    ],
    ['postgres:///d', [{ host: 'localhost', port: 5432 }]],
  ])('%s', (text, hosts) => {
    expect(parsed(text).hosts).toEqual(hosts);
  });

  it('takes login, database and TLS from where libpq does', () => {
    expect(
      parsed(
        'postgres://us%40er:p%3A%40%2Fw@h/d%20b?sslmode=verify-ca&sslrootcert=/a/b.pem&connect_timeout=7',
      ),
    ).toMatchObject({
      user: 'us@er',
      password: 'p:@/w',
      database: 'd b',
      sslMode: 'verify-ca',
      sslRootCert: '/a/b.pem',
      connectTimeoutSeconds: 7,
    });
    expect(parsed('postgres://h?user=u&password=p&dbname=d')).toMatchObject({
      user: 'u',
      password: 'p',
      database: 'd',
      sslMode: null,
    });
  });

  it.each([
    'sslmode=disable',
    'sslmode=allow',
    'sslmode=require',
    'channel_binding=prefer',
    'target_session_attrs=primary',
    'target_session_attrs=read-write',
    'keepalives_idle=3&tcp_user_timeout=1',
    'gssencmode=disable',
  ])('accepts ?%s', (query) => {
    expect(reason(`postgres://u@h/d?${query}`)).toBe('accepted');
  });

  it.each([
    ['application_name=x', 'barrier'],
    ['options=-c%20role%3Dx', 'options'],
    ['role=mosaic_admin', 'role'],
    ['search_path=x', 'search_path'],
    ['sslmode=maybe', 'sslmode'],
    ['channel_binding=require', 'verify-full'],
    ['target_session_attrs=standby', 'primary'],
    ['target_session_attrs=prefer-standby', 'primary'],
    ['connect_timeout=soon', 'connect_timeout'],
    ['host=a,b&port=1,2,3', 'ports'],
    ['port=99999&host=a', 'port'],
  ])('F-26 F-37 refuses ?%s, and says why', (query, word) => {
    expect(reason(`postgres://u:canary-7b@h/d?${query}`)).toContain(word);
    expect(reason(`postgres://u:canary-7b@h/d?${query}`)).not.toContain('canary');
  });

  it.each([
    'mysql://h/d',
    'postgres://u:p@::1/d',
    'postgres://h:x/d',
    'postgres://h:0/d',
    'postgres://%zz/d',
    '',
  ])('refuses %s', (text) => {
    expect(reason(text)).not.toBe('accepted');
  });

  it('shows a place and no secret', () => {
    expect(placeOfDatabase('postgres://u:canary@h1,[2001:db8::1]:7/d')).toBe('h1:5432,[2001:db8::1]:7');
    expect(placeOfDatabase('postgres:///d?host=/run/pg')).toBe('/run/pg:5432');
    expect(placeOfDatabase('nonsense canary')).toBe('(not an address)');
  });

  it('knows what stays on this host', () => {
    for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '/run/pg'])
      expect(isLocalHost(host)).toBe(true);
    for (const host of ['h', '10.0.0.1', '2001:db8::1', '127.0.0.1.example.org', 'localhost.example.org'])
      expect(isLocalHost(host)).toBe(false);
  });
});
