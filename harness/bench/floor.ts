import type { ServerResponse } from 'node:http';
import https from 'node:https';
import { constants } from 'node:crypto';
import type { AddressInfo } from 'node:net';

export interface FloorMaterial {
  readonly certificate: string;
  readonly key: string;
  readonly root: string;
  readonly crl: string;
}

const respond = async (response: ServerResponse, query: () => Promise<readonly unknown[]>): Promise<void> => {
  const body = Buffer.from(JSON.stringify({ items: await query() }));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
};

/**
 * The floor: the least that could answer the same question. Bare node:https with the product's TLS settings, one
 * statement (the product's own text), JSON. No identity, no decision, no audit, no limit.
 */
export const startTlsFloor = (
  material: FloorMaterial,
  query: () => Promise<readonly unknown[]>,
): Promise<{ readonly origin: string; close(): Promise<void> }> =>
  new Promise((resolve) => {
    const server = https.createServer(
      {
        cert: material.certificate,
        key: material.key,
        ca: material.root,
        crl: material.crl,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        honorCipherOrder: true,
        ALPNProtocols: ['http/1.1'],
        secureOptions: constants.SSL_OP_NO_TICKET,
      },
      (_request, response) => void respond(response, query),
    );
    server.listen(0, '127.0.0.1', () => {
      resolve({
        origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        close: () => new Promise((done) => void (server.closeAllConnections(), server.close(() => done()))),
      });
    });
  });
