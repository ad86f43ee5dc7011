import { Agent, fetch } from 'undici';
import { createAddressGuard, type Resolve } from './transport-guard.ts';

export interface WebhookOptions {
  /** https only. */
  readonly url: string;
  /** Lets the receiver be at a private or loopback address, as for peers (ABUSE 63). */
  readonly allowPrivateAddresses: boolean;
  /** Authorities to trust in place of the system's, PEM. */
  readonly ca?: string;
  /** The operating system's resolver when absent. */
  readonly resolve?: Resolve;
}

/**
 * Posts alerts to the operator's receiver: the address is checked as a peer's is, when it is connected; no redirect is
 * followed, and of the answer nothing but the status is read.
 * @returns the status
 */
export const createWebhook = ({ url, allowPrivateAddresses, ca, resolve }: WebhookOptions) => {
  const guard = createAddressGuard(allowPrivateAddresses ? 'private-too' : 'public', resolve);
  const timeout = 5_000;
  return async (body: string, signal: AbortSignal): Promise<number> => {
    const checked = guard.checkUrl(url);
    // Alerts are rare: a connection for each, and nothing to keep or close.
    const connect = { lookup: guard.lookup, timeout, ...(ca === undefined ? {} : { ca }) };
    const agent = new Agent({ allowH2: false, connect, headersTimeout: timeout, maxResponseSize: 64 * 1024 });
    try {
      const response = await fetch(checked, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        redirect: 'manual',
        signal,
        dispatcher: agent,
      });
      await response.body?.cancel();
      return response.status;
    } finally {
      await agent.destroy();
    }
  };
};
