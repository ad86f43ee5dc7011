import { describe, expect, it } from 'vitest';
import { csrDer } from '../testing/requests.testkit.ts';
import { MAX_CSR_LENGTH, readCsr, type CertificateRequest } from './csr.ts';
import { concat, element, integer, oid } from './der-write.ts';
import { derToPem } from './pem.ts';
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

/** Signs whatever is put into a request, as its holder could. */
const requestMaker = async () => {
  const { subtle } = crypto;
  const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const key = new Uint8Array(await subtle.exportKey('spki', pair.publicKey));
  const algorithm = element(0x30, oid('1.2.840.10045.4.3.2'));
  const signature = async (data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> => {
    const raw = new Uint8Array(await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, data));
    return element(0x30, integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
  };
  const fields = {
    version: integer(Uint8Array.of(0)) as Uint8Array,
    subject: element(0x30) as Uint8Array,
    key: key as Uint8Array,
    attributes: [element(0xa0)] as readonly Uint8Array[],
    /** Behind the signature. */
    surplus: [] as readonly Uint8Array[],
  };
  return async (over: Partial<typeof fields> = {}): Promise<Uint8Array> => {
    const { version, subject, attributes, surplus, key: usedKey } = { ...fields, ...over };
    const info = element(0x30, version, subject, usedKey, ...attributes);
    const signed = element(0x03, Uint8Array.of(0), await signature(info));
    return element(0x30, info, algorithm, signed, ...surplus);
  };
};

describe('MUTANTS csr the fields of a request that is signed rightly', () => {
  it('are those of PKCS#10, with attributes or without', async () => {
    const make = await requestMaker();
    expect(await readCsr(await make())).toMatchObject({ ok: true });
    expect(await readCsr(await make({ attributes: [] }))).toMatchObject({ ok: true });
    const attributes = [element(0xa0, element(0x30, oid('1.2.840.113549.1.9.14'), element(0x31)))];
    expect(await readCsr(await make({ attributes }))).toMatchObject({ ok: true });
  });

  it.each([
    ['version 2', { version: integer(Uint8Array.of(1)) }, 'the request is not version 1'],
    ['a version of two octets', { version: integer(Uint8Array.of(1, 0)) }, 'the request is not version 1'],
    ['a text as version', { version: element(0x0c) }, 'the version is missing or has the wrong type'],
    ['a set as subject', { subject: element(0x31) }, 'the subject is missing or has the wrong type'],
    ['a set as key', { key: element(0x31) }, 'the public key is missing or has the wrong type'],
    [
      'a sequence in the place of the attributes',
      { attributes: [element(0x30)] },
      'the list of attributes is missing or has the wrong type',
    ],
    ['attributes twice', { attributes: [element(0xa0), element(0xa0)] }, 'the request has unexpected fields'],
    ['a field behind the signature', { surplus: [element(0x05)] }, 'the request has unexpected fields'],
  ])('%s is refused, and named', async (_what, over, error) => {
    const make = await requestMaker();
    expect(await readCsr(await make(over))).toEqual({ ok: false, error });
  });

  it('a request of which something is missing, or that is followed by something, is refused', async () => {
    const der = await (await requestMaker())();
    for (const broken of [concat([der, Uint8Array.of(5, 0)]), element(0x30), element(0x30, element(0x30))])
      expect(await readCsr(broken)).toMatchObject({ ok: false });
  });

  it('a request that another key has signed is refused', async () => {
    const [one, other] = [await requestMaker(), await requestMaker()];
    const key = await readCsr(await other());
    if (!key.ok) throw new Error(key.error);
    expect(await readCsr(await one({ key: key.value.publicKeyInfo }))).toEqual({
      ok: false,
      error: 'the request is not signed by its own key',
    });
  });

  it('is looked at up to 8,192 octets and no further, whatever stands in it', async () => {
    const make = await requestMaker();
    const filled = (length: number) =>
      make({ subject: element(0x30, element(0x0c, new Uint8Array(length))) });
    const around = (await filled(8_000)).length - 8_000;
    // The DER of an ECDSA signature is some octets longer or shorter each time.
    let longest = await filled(MAX_CSR_LENGTH - around);
    while (longest.length > MAX_CSR_LENGTH || longest.length <= MAX_CSR_LENGTH - 4)
      longest = await filled(MAX_CSR_LENGTH - around);
    expect(await readCsr(longest)).toMatchObject({ ok: true });
    expect(await readCsr(await filled(MAX_CSR_LENGTH - around + 16))).toEqual({
      ok: false,
      error: 'the request is too large',
    });
    expect(await readCsr('-'.repeat(12_289))).toEqual({ ok: false, error: 'the request is too large' });
    expect(await readCsr('-'.repeat(12_288))).not.toEqual({ ok: false, error: 'the request is too large' });
  });

  it.each([
    ['CERTIFICATE REQUEST', true],
    ['NEW CERTIFICATE REQUEST', true],
    ['CERTIFICATE', false],
    ['PUBLIC KEY', false],
  ])('a PEM block labelled %s is a request: %s', async (label, isTaken) => {
    const der = await (await requestMaker())();
    const read = await readCsr(derToPem(der, label as 'CERTIFICATE'));
    expect(read.ok).toBe(isTaken);
    if (!read.ok) expect(read.error).toBe('expected a PEM block labelled CERTIFICATE REQUEST');
  });

  it('one PEM block is a request, two or none are not', async () => {
    const pem = derToPem(await (await requestMaker())(), 'CERTIFICATE REQUEST');
    expect(await readCsr(pem + pem)).toEqual({ ok: false, error: 'expected exactly one PEM block' });
    expect(await readCsr('')).toMatchObject({ ok: false });
  });

  it('what is neither a text, nor bytes, nor a request is a fault of the caller', async () => {
    await expect(readCsr([] as unknown as Uint8Array)).rejects.toThrow(
      'not a request that readCsr() has read',
    );
  });
});
