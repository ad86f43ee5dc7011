import { request } from 'node:http';
import { parseJson, PLAIN } from '../../../../domain/json.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { reachableHost } from '../../../config/settings.ts';
import { codeOf } from '../errno.ts';
import { LOST_REVOCATIONS, PROOF_REMEDY, type Finding, type Problem } from './finding.ts';

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

interface Ready {
  readonly services?: Readonly<Record<string, { readonly status?: string }>>;
  readonly revocations?: string | null;
  readonly front?: { readonly status?: string };
}

const complaints = ({ status, text }: Answer): Problem | null => {
  const remedy = 'see the log of the gateway';
  const json = parseJson(text, PLAIN);
  if (!json.ok || typeof json.value !== 'object' || json.value === null) {
    return { message: `something else answers there (status ${status})`, remedy: 'correct listen.public' };
  }
  const ready = json.value as Ready;
  const away = Object.entries(ready.services ?? {}).filter(([, service]) => service.status !== 'ok');
  if (away.length > 0)
    return { message: `it can not reach: ${away.map(([name]) => name).join(', ')}`, remedy };
  if (ready.revocations === 'lost') return LOST_REVOCATIONS;
  if (ready.front?.status === 'proof_unreadable')
    return {
      message: 'it cannot tell its front from others: front-proof.conf cannot be read',
      remedy: PROOF_REMEDY,
    };
  if (ready.front?.status === 'stale')
    return { message: 'its front is not up to date', remedy: 'see its log for alert front_stale' };
  return status === 200 ? null : { message: `it answers ${status}`, remedy };
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
    return [{ ...seen, ms: elapsed(), isRunning: true, problem: complaints(answer) }];
  } catch (error) {
    const isAway = ['ECONNREFUSED', 'ENOENT'].includes(codeOf(error));
    const problem = isAway
      ? null
      : { message: 'it does not answer', remedy: 'see whether it hangs, and its log' };
    return [{ ...seen, ms: elapsed(), isRunning: !isAway, problem }];
  }
};
