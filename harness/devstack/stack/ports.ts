import net from 'node:net';

/** Every port of the harness: the environment variable that moves it, and where it is otherwise (SPEC "Harness"). */
export const PORTS = {
  publicA: { variable: 'GATEWAY_A_HOST_PORT', port: 14_001 },
  publicB: { variable: 'GATEWAY_B_HOST_PORT', port: 14_002 },
  federationA: { variable: 'GATEWAY_A_MTLS_HOST_PORT', port: 14_011 },
  federationB: { variable: 'GATEWAY_B_MTLS_HOST_PORT', port: 14_012 },
  postgresA: { variable: 'PG_A_HOST_PORT', port: 15_432 },
  postgresB: { variable: 'PG_B_HOST_PORT', port: 15_433 },
  valkeyA: { variable: 'VALKEY_A_HOST_PORT', port: 16_379 },
  valkeyB: { variable: 'VALKEY_B_HOST_PORT', port: 16_380 },
  stepCa: { variable: 'STEP_CA_HOST_PORT', port: 19_000 },
  /** Plain HTTP, for the revocation list; in compose mode it is not published. */
  stepCaCrl: { variable: 'STEP_CA_CRL_HOST_PORT', port: 19_001 },
} as const;

export type PortName = keyof typeof PORTS;
export type Ports = Readonly<Record<PortName, number>>;

const NAMES = Object.keys(PORTS) as readonly PortName[];

const portsFrom = (choose: (name: PortName) => number): Ports =>
  Object.fromEntries(NAMES.map((name) => [name, choose(name)])) as unknown as Ports;

/** @throws Error naming the variable that holds something else than a port */
export const portsOfEnvironment = (env: Readonly<Record<string, string | undefined>>): Ports =>
  portsFrom((name) => {
    const { variable, port } = PORTS[name];
    const text = env[variable];
    if (text === undefined || text === '') return port;
    const given = Number(text);
    if (!Number.isInteger(given) || given < 1 || given > 65_535)
      throw new Error(`${variable} must be a port from 1 to 65535, not ${JSON.stringify(text)}`);
    return given;
  });

/** Ports as variables, for compose. */
export const environmentOfPorts = (ports: Ports): Record<string, string> =>
  Object.fromEntries(NAMES.map((name) => [PORTS[name].variable, String(ports[name])]));

const canListen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** @throws Error naming each port that another program holds, and the variable that moves it */
export const assertPortsFree = async (ports: Ports): Promise<void> => {
  const free = await Promise.all(NAMES.map((name) => canListen(ports[name])));
  const taken = NAMES.filter((_, index) => free[index] === false);
  if (taken.length === 0) return;
  const which = taken.map((name) => `${ports[name]} (move it with ${PORTS[name].variable})`).join(', ');
  throw new Error(`Another program listens on port ${which}.`);
};

/** Below what the system hands out to outgoing connections, so that nothing takes one between the look and the start. */
const RANGE = { first: 20_000, count: 9_900 } as const;

/** A set of ports nobody listens on: for tests, which must never meet a stack started by hand. */
export const freePorts = async (): Promise<Ports> => {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const base = RANGE.first + Math.floor((Math.random() * RANGE.count) / NAMES.length) * NAMES.length;
    const ports = portsFrom((name) => base + NAMES.indexOf(name));
    if ((await Promise.all(Object.values(ports).map(canListen))).every(Boolean)) return ports;
  }
  throw new Error('no ten ports in a row are free');
};
