import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { programs } from './installed.ts';
import { launch, type Component, type OnSpawn } from './process.ts';

const INFRA = fileURLToPath(new URL('../../../infra/valkey/', import.meta.url));
const USER = 'mosaic';

export interface ValkeyOptions {
  readonly folder: string;
  readonly port: number;
  /** Name of the process and its log; `valkey` by default. */
  readonly name?: string;
  readonly onSpawn?: OnSpawn;
}

export interface Valkey extends Component {
  /** With user and password. */
  readonly url: string;
}

/** Whether it answers in the protocol; `-NOAUTH` is an answer too. */
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, timeout: 500 }, () => socket.write('PING\r\n'));
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', end(true)).once('error', end(false)).once('timeout', end(false));
  });

/** A valkey-server with the operators' own configuration and list of users, on its own port and folder. */
export const startValkey = async (options: ValkeyOptions): Promise<Valkey> => {
  const { folder, port } = options;
  const data = path.join(folder, 'data');
  mkdirSync(data, { recursive: true });
  const passwordFile = path.join(folder, 'password');
  if (!existsSync(passwordFile)) {
    writeFileSync(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  }
  const users = path.join(folder, 'users.acl');
  writeFileSync(users, execFileSync(path.join(INFRA, 'make-users.sh'), [passwordFile, USER]), {
    mode: 0o600,
  });
  const component = await launch({
    name: options.name ?? 'valkey',
    command: programs.valkey,
    args: [
      path.join(INFRA, 'valkey.conf'),
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--dir',
      data,
      '--aclfile',
      users,
    ],
    folder,
    onSpawn: options.onSpawn,
    ready: () => answers(port),
  });
  const password = readFileSync(passwordFile, 'utf8').trim();
  return { ...component, url: `valkey://${USER}:${password}@127.0.0.1:${port}` };
};
