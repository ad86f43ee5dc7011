import { describe, expect, it } from 'vitest';
import { csrDer } from '../testing/requests.testkit.ts';
import { readCsr, type CertificateRequest } from './csr.ts';
import { makeKeyMaker } from './request.ts';

const aDer = async (): Promise<Uint8Array> => csrDer((await makeKeyMaker().keyAndCsr()).csrPem);

describe('a request that was read', () => {
  it('is taken as it is when it comes again', async () => {
    const read = await readCsr(await aDer());
    if (!read.ok) throw new Error(read.error);
    expect(await readCsr(read.value)).toEqual({ ok: true, value: read.value });
  });

  it('X-10 nobody else can make one: what only looks like it is refused, not believed', async () => {
    const read = await readCsr(await aDer());
    if (!read.ok) throw new Error(read.error);
    const { der, publicKeyInfo, algorithm } = read.value;
    const proto: object = Object.getPrototypeOf(read.value) as object;
    const impostors = [
      { der, publicKeyInfo, algorithm },
      Object.assign(Object.create(proto) as object, { der, publicKeyInfo, algorithm }),
      structuredClone(read.value),
      JSON.parse(JSON.stringify(read.value)) as unknown,
    ];
    for (const impostor of impostors)
      await expect(readCsr(impostor as CertificateRequest)).rejects.toThrow(TypeError);
  });

  it('is not what somebody makes of its bytes afterwards', async () => {
    const [der, other] = [await aDer(), await readCsr(await aDer())];
    const read = await readCsr(der);
    if (!read.ok || !other.ok) throw new Error('not read');
    const before = read.value.publicKeyInfo.slice();
    der.fill(0);
    expect(read.value.publicKeyInfo).toEqual(before);
    expect(Reflect.set(read.value, 'publicKeyInfo', other.value.publicKeyInfo)).toBe(false);
    expect(await readCsr(read.value.der)).toMatchObject({ ok: true });
  });
});
