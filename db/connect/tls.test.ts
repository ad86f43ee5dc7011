import { describe, expect, it } from 'vitest';
import { parseDatabaseAddress } from '../../domain/database/address.ts';
import { tlsOf, type TlsSources } from './tls.ts';

const address = (text: string) => {
  const parsed = parseDatabaseAddress(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};
const of = (text: string, sources: TlsSources = {}) => {
  const parsed = address(text);
  return tlsOf(parsed, parsed.hosts[0]?.host ?? '', sources);
};
const files: TlsSources = { readFile: (path) => `<${path}>` };

describe('F-37 how Postgres is connected to', () => {
  it.each(['localhost', '127.0.0.1', '[::1]', '%2Frun%2Fpg', 'x.hyperdrive.local'])(
    'without TLS on this host unless it is asked for: %s',
    (host) => {
      expect(of(`postgres://u@${host}/d`)).toBe(false);
    },
  );

  it.each(['db', '10.0.0.7', '[2001:db8::1]', '127.0.0.1.example.org'])(
    'verified in full to another host: %s',
    (host) => {
      expect(of(`postgres://u@${host}/d`)).toMatchObject({ rejectUnauthorized: true });
      expect(of(`postgres://u@${host}/d`)).not.toHaveProperty('checkServerIdentity');
      expect(of(`postgres://u@${host}/d?sslmode=disable`)).toBe(false);
    },
  );

  it('compares an address with the addresses of the certificate', () => {
    expect(of('postgres://u@[2001:db8::1]/d')).toMatchObject({ host: '2001:db8::1' });
    expect(of('postgres://u@10.0.0.7/d')).toMatchObject({ host: '10.0.0.7' });
    expect(of('postgres://u@db/d')).not.toHaveProperty('host');
  });

  it('require verifies nothing, and the chain where an authority is named', () => {
    expect(of('postgres://u@db/d?sslmode=require')).toEqual({ rejectUnauthorized: false });
    for (const chain of [
      of('postgres://u@db/d?sslmode=require&sslrootcert=/ca', files),
      of('postgres://u@db/d?sslmode=require', { ca: () => '</ca>' }),
    ])
      expect(chain).toMatchObject({ ca: '</ca>', rejectUnauthorized: true });
  });

  it('takes certificate and key of the address, and the system’s authorities by that name', () => {
    expect(of('postgres://u@db/d?sslcert=/c&sslkey=/k', files)).toMatchObject({ cert: '</c>', key: '</k>' });
    expect(of('postgres://u@db/d?sslmode=require&sslrootcert=system', files)).toEqual({
      rejectUnauthorized: true,
    });
  });
});
