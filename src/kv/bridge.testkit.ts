import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Log } from '../../domain/ports/basics.ts';
import { createKvBridge } from './bridge.ts';
import { openValkeyCommands } from './valkey.ts';

export const BRIDGE_TOKEN = 'canary-bridge-token-0123456789abcdef';

export interface RealBridge {
  readonly url: string;
  close(): Promise<void>;
}

/** The bridge on a real HTTP server, over a real Valkey. */
export const startBridge = async (options: {
  readonly valkeyUrl: string;
  readonly log: Log;
  readonly commandTimeoutMs?: number;
}): Promise<RealBridge> => {
  const { valkeyUrl, log, commandTimeoutMs = 1_000 } = options;
  const port = await openValkeyCommands({ url: valkeyUrl, log, commandTimeoutMs });
  const listener = getRequestListener(createKvBridge({ port, tokens: [BRIDGE_TOKEN], log }).fetch);
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await port.close();
    },
  };
};
