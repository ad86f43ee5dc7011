import { createServer } from 'node:http';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import postgres from 'postgres';
import { POSTGRES_TYPES } from '../../db/driver/postgres.ts';
import { unpack, type PackedPage } from '../../db/sql/packed.ts';
import type { Resource } from '../../domain/resources.ts';

/**
 * The floor of tier `federated`, a process of its own: bare node:http on a unix socket behind the same nginx, postgres.js
 * with the product's connection settings, the product's statement, JSON. `node floor-http.ts <order.json>`.
 */
interface FloorOrder {
  readonly socket: string;
  readonly databaseUrl: string;
  readonly text: string;
  /** Set: the statement gives a packed page of this resource, and the floor unpacks it as the product does. */
  readonly packed: Resource | null;
  readonly params: readonly (string | number | boolean | null)[];
}

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as FloorOrder;
/** As the product's driver sends them. */
const params = order.params.map((param) => (typeof param === 'boolean' ? (param ? 't' : 'f') : param));
const sql = postgres(order.databaseUrl, {
  max: 10,
  prepare: true,
  fetch_types: false,
  types: POSTGRES_TYPES as unknown as Record<string, postgres.PostgresType>,
  connection: { role: 'mosaic_peer_reader', timezone: 'UTC', random_page_cost: 1.1, jit: 'off' },
});

const bodyOf = (rows: readonly unknown[]): Buffer => {
  if (order.packed === null) return Buffer.from(JSON.stringify({ items: rows }));
  const page = rows[0] as PackedPage;
  return Buffer.from(`{"items":[${unpack(order.packed, page.packed ?? '', true)?.json ?? ''}]}`);
};

const server = createServer((_request, response) => {
  sql.unsafe(order.text, params, { prepare: true }).then(
    (rows) => {
      const body = bodyOf(rows);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
      return response.end(body);
    },
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      return response.writeHead(500).end();
    },
  );
});
server.keepAliveTimeout = 65_000;
rmSync(order.socket, { force: true });
server.listen(order.socket, () => {
  chmodSync(order.socket, 0o666);
  process.stdout.write('ready\n');
});
