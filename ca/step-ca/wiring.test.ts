import { describe, expect, it } from 'vitest';
import { provisionerFaults, readProvisioners, type WiringParts } from './wiring.ts';

const key = (name: string, kid: string) => ({ name, kid, key: {} as CryptoKey });
const parts: WiringParts = {
  endpoint: { url: 'https://ca', fetch: () => Promise.reject(new Error('no')), timeoutMs: 1 },
  clientProvisioner: key('mosaic-fed', 'F'),
  serverProvisioner: key('mosaic-tls', 'T'),
  leafLifetimeSeconds: 30 * 86_400,
  clock: { now: () => new Date(0) },
  ids: { uuid: () => 'id' },
};
const claims = { maxTLSCertDuration: '8760h0m0s', disableRenewal: true };
const fed = { type: 'JWK', name: 'mosaic-fed', key: { kid: 'F' }, claims };
const tls = { type: 'JWK', name: 'mosaic-tls', key: { kid: 'T' }, claims };
const faultsOf = (provisioners: readonly unknown[]): readonly string[] =>
  provisionerFaults(readProvisioners({ provisioners }) ?? [], parts).map(({ message }) => message);

describe('M1-2 what step-ca tells of its provisioners', () => {
  it('is well when both have the gateway’s keys, renewal is off and the lifetime fits', () => {
    expect(faultsOf([{ type: 'ACME', name: 'acme' }, fed, tls])).toEqual([]);
  });

  it.each([
    ['one is missing', [fed], /no provisioner mosaic-tls/],
    ['the key is another', [{ ...fed, key: { kid: 'X' } }, tls], /mosaic-fed has another key/],
    ['it may renew', [{ ...fed, claims: { ...claims, disableRenewal: false } }, tls], /past a revocation/],
    [
      'it signs for too short',
      [{ ...fed, claims: { ...claims, maxTLSCertDuration: '24h0m0s' } }, tls],
      /86400 s at most/,
    ],
  ])('names what is wrong when %s', (_name, provisioners, message) => {
    expect(faultsOf(provisioners)).toEqual([expect.stringMatching(message)]);
  });

  it('takes another form of answer for no step-ca', () => {
    for (const json of [null, [], {}, { provisioners: 1 }]) expect(readProvisioners(json)).toBeNull();
  });
});
