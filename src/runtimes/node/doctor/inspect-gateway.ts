import { request } from 'node:http';
import { z } from 'zod';
import { parseJson, PLAIN } from '../../../../domain/json.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { reachableHost } from '../../../config/settings.ts';
import { codeOf } from '../boot/errno.ts';
import type { Finding } from './finding.ts';

type Gateway = Extract<Finding, { kind: 'gateway' }>;

const WAIT_MS = 4_000;
const MAX_BYTES = 64 * 1024;

interface Answer {
  readonly status: number;
  readonly text: string;
}

const get = (place: { socketPath: string } | { host: string; port: number }): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request({ ...place, path: '/ready', timeout: WAIT_MS, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        if (text.length < MAX_BYTES) text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', reject);
    asked.end();
  });

/** Bounded: whatever answers there may be anything. */
const readyShape = z.looseObject({
  status: z.enum(['ready', 'degraded', 'unavailable']),
  findings: z
    .array(z.looseObject({ status: z.enum(['yellow', 'red']), message: z.string(), cure: z.string() }))
    .max(100),
});

const heard = ({ status, text }: Answer): Pick<Gateway, 'problem' | 'complaints'> => {
  const json = parseJson(text, PLAIN);
  const ready = readyShape.safeParse(json.ok ? json.value : null);
  if (!ready.success) {
    const message = `something else answers there, or another version of the gateway (status ${status})`;
    return { problem: { message, remedy: 'correct listen.public' }, complaints: [] };
  }
  const complaints = ready.data.findings.map(({ status: light, message, cure }) => ({
    status: light,
    message,
    remedy: cure,
  }));
  return { problem: null, complaints };
};

/** Asks the gateway of this configuration, if one runs. */
export const inspectGateway = async (config: GatewayConfig): Promise<readonly Finding[]> => {
  const { publicSocket, publicListener: listener } = config;
  const where = publicSocket ?? `${reachableHost(listener.host)}:${listener.port}`;
  const from = performance.now();
  const elapsed = (): number => Math.round(performance.now() - from);
  const seen = { kind: 'gateway', where } as const;
  try {
    const host = reachableHost(listener.host).replace(/^\[|\]$/g, '');
    const answer = await get(
      publicSocket === null ? { host, port: listener.port } : { socketPath: publicSocket },
    );
    return [{ ...seen, ms: elapsed(), isRunning: true, ...heard(answer) }];
  } catch (error) {
    const isAway = ['ECONNREFUSED', 'ENOENT'].includes(codeOf(error));
    const problem = isAway
      ? null
      : { message: 'it does not answer', remedy: 'check whether the gateway hangs, and look at its log' };
    return [{ ...seen, ms: elapsed(), isRunning: !isAway, problem, complaints: [] }];
  }
};
