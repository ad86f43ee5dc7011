import { CompactEncrypt, exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StepCaConfig } from '../../../config/config.ts';
import { beginProvisionerKeys, provisionerKeys } from './provisioner-keys.ts';

const ROUNDS = 1_000;
let encrypted: string;

const configWith = (provisionerPassword: string): StepCaConfig => ({
  type: 'step-ca',
  url: 'https://ca.example.org',
  rootCertPath: '',
  intermediateCertPath: '',
  rootCrlPath: '',
  provisionerKey: encrypted,
  tlsProvisionerKey: encrypted,
  provisionerPassword,
  next: null,
});

describe('the keys of the provisioners', () => {
  beforeAll(async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const text = new TextEncoder().encode(JSON.stringify(await exportJWK(privateKey)));
    encrypted = await new CompactEncrypt(text)
      .setProtectedHeader({ alg: 'PBES2-HS256+A128KW', enc: 'A256GCM' })
      .setKeyManagementParameters({ p2c: ROUNDS })
      .encrypt(new TextEncoder().encode('right'));
  });

  it('are decrypted once for a configuration, and the step-ca gets those that were begun', async () => {
    const config = configWith('right');
    beginProvisionerKeys({ ca: config });
    const [client, server] = await provisionerKeys(config);
    expect([client.name, server.name]).toEqual(['mosaic-fed', 'mosaic-tls']);
    expect((await provisionerKeys(config))[0]).toBe(client);
    expect((await provisionerKeys(configWith('right')))[0]).not.toBe(client);
  });

  it('that do not open are a failure where they are asked for, and no earlier', async () => {
    const config = configWith('wrong');
    beginProvisionerKeys({ ca: config });
    // Long enough for the failure to be there before anybody waits for it: unheard, it would end the process.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(provisionerKeys(config)).rejects.toMatchObject({ code: 'ca_unavailable' });
  });

  it('of the next step-ca are begun, too', async () => {
    const config = { ...configWith('right'), next: { ...configWith('wrong'), linkPath: null } };
    beginProvisionerKeys({ ca: config });
    expect(await provisionerKeys(config)).toHaveLength(2);
    await expect(provisionerKeys(config.next)).rejects.toMatchObject({ code: 'ca_unavailable' });
  });

  it('are none of an embedded authority', () => {
    expect(() => beginProvisionerKeys({ ca: { type: 'embedded' } })).not.toThrow();
  });
});
