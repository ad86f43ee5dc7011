import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { createForger } from '../../../ca/testing/forge.testkit.ts';
import { subjectAltNameExtension } from '../../../ca/x509/build.ts';
import { readCsr } from '../../../ca/x509/csr.ts';
import { encodeIdentityExtension } from '../../../ca/x509/extension.ts';
import { OID } from '../../../ca/x509/oids.ts';
import { derToPem, pemToDer } from '../../../ca/x509/pem.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../../domain/peers/identity.ts';
import { LIST_NUMBER, listOfNulls, listWithLongOid, manyArrays } from './material.ts';
import type { PeerOrder, PeerReport } from './peer-process.ts';

/**
 * A serving gateway that means harm, as a process of its own: it enrolls whoever comes, and then gives what it is told to give. Its
 * authority is its own, so what it signs is believed. Told and asked over the channel of its parent, with which it ends.
 */
const forger = await createForger('hostile');
const san = subjectAltNameExtension(['localhost'], ['127.0.0.1']);
const server = await forger.leaf(
  [{ oid: OID.subjectAltName, value: new Uint8Array(san.extnValue.valueBlock.valueHexView) }],
  { purpose: OID.serverAuth },
);
const good = await forger.crl({ number: 1n });
const lists: Readonly<Record<PeerOrder['list'], () => Uint8Array | Promise<Uint8Array>>> = {
  good: () => good,
  'long-oid': listWithLongOid,
  nulls: listOfNulls,
  'long-number': () => forger.crl({ number: LIST_NUMBER }),
};
let list: Uint8Array = good;
let rows = JSON.stringify({ items: [], next_cursor: null });
let served = 0;

const redeem = async (csrPem: string, base: string): Promise<object> => {
  const csr = await readCsr(csrPem);
  if (!csr.ok) throw new Error(csr.error);
  const [grantId, subjectUserId] = [crypto.randomUUID(), crypto.randomUUID()];
  const leaf = await forger.leaf(
    [
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(grantId) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(subjectUserId) },
    ],
    { publicKeyInfo: csr.value.publicKeyInfo },
  );
  return {
    grant_id: grantId,
    subject_user_id: subjectUserId,
    gateway_name: 'hostile',
    federation_url: base,
    certificate: leaf.pem,
    chain: forger.rootPem,
    ca: forger.rootPem,
    not_after: new X509Certificate(leaf.pem).validToDate.toISOString(),
    scope: {},
  };
};

const listener = createServer(
  { cert: server.pem + forger.rootPem, key: server.keyPem },
  (request, response) => {
    void (async () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost');
      if (pathname === '/enrollment/v1/redeem') {
        const { csr } = JSON.parse(await readText(request)) as { readonly csr: string };
        const port = (listener.address() as AddressInfo).port;
        response.writeHead(201, { 'content-type': 'application/json' });
        response.end(JSON.stringify(await redeem(csr, `https://localhost:${port}`)));
      } else if (pathname === '/pki/crl') {
        served += 1;
        const isPem = searchParams.get('format') === 'pem';
        response.writeHead(200, {
          'content-type': isPem ? 'application/x-pem-file' : 'application/pkix-crl',
        });
        response.end(isPem ? derToPem(good, 'X509 CRL') : list);
      } else {
        served += 1;
        response.writeHead(200, { 'content-type': 'application/json' }).end(rows);
      }
    })().catch(() => response.destroy());
  },
);

const tell = (report: PeerReport): void => void process.send?.(report);

process.on('message', (order: PeerOrder) => {
  void (async () => {
    list = await lists[order.list]();
    rows = order.rows === 'good' ? JSON.stringify({ items: [], next_cursor: null }) : manyArrays();
    served = 0;
    tell({ kind: 'ready', served });
  })();
});
process.on('disconnect', () => process.exit(0));

listener.listen(0, '127.0.0.1', () => {
  const der = pemToDer(forger.rootPem, 'CERTIFICATE');
  if (!der.ok) throw new Error(der.error);
  const fingerprint = new X509Certificate(der.value).fingerprint256.replaceAll(':', '').toLowerCase();
  tell({ kind: 'listening', port: (listener.address() as AddressInfo).port, fingerprint });
  setInterval(() => tell({ kind: 'served', served }), 50).unref();
});
