import { readIdentity } from '../../../ca/x509/identity.ts';
import { splitPem } from '../../../ca/x509/pem.ts';
import { sha256Hex } from '../../../ca/x509/bytes.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { parseJson, PLAIN } from '../../../domain/json.ts';
import type { PeerClient, PeerCredentials, PeerTransport } from '../../app/deps.ts';
import { readCapabilities } from '../../outbound/client/answers.ts';
import { readText } from '../../outbound/client/body.ts';
import { PEER_BINDINGS, type PeerBinding, type PeerBindings } from './peer-bindings.ts';

/** A binding that sends requests: an mTLS certificate on Cloudflare, a `network` service in workerd itself. */
interface Fetcher {
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

export interface WorkerdTransportOptions {
  readonly bindings: PeerBindings;
  /** The worker's environment, in which the bindings are. */
  readonly env: Readonly<Record<string, unknown>>;
  /** Bindings of this isolate that were seen to present their grant's certificate. They change with a deployment only. */
  readonly proven: Set<string>;
}

const SEE = 'See docs/reference/runtimes.md, “Asking peers from Workers”.';
const FEDERATION = '/federation/v1/';
const MAX_CAPABILITIES = 64 * 1024;

const BOUND =
  'This gateway runs on Workers, where client certificates are bindings of the deployment: it can ask a peer, but neither enroll with one nor renew. ' +
  `Enroll or renew on a gateway on Node or Deno with the same database and sealing key, then bind the peer’s certificate. ${SEE}`;

const refuse = (): never => {
  throw new MosaicError('runtime_unsupported', { detail: BOUND });
};

/** Where gateways publish their revocation lists. */
const LISTS = '/pki/crl';

const unusable = (detail: string): MosaicError =>
  new MosaicError('peer_unreachable', { detail: `${detail} ${SEE}` });

const isFetcher = (value: unknown): value is Fetcher =>
  typeof value === 'object' && value !== null && 'fetch' in value;

const firstOf = (pem: string): Uint8Array => {
  const blocks = splitPem(pem);
  const der = blocks.ok ? blocks.value[0]?.der : undefined;
  if (der === undefined) throw unusable('The stored certificate of this peer is not readable.');
  return der;
};

/** The grant that a client certificate was issued for. */
const grantOf = (certPem: string): string => {
  const identity = readIdentity(firstOf(certPem));
  if (!identity.ok) throw unusable('The stored certificate of this peer names no grant.');
  return identity.value.grantId;
};

const checkUrl = (text: string): string => {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new MosaicError('address_refused', { detail: 'Only https addresses may be called.' });
  }
  return url.href;
};

/**
 * How a gateway on Workers reaches others: by a binding for each grant, configured by the operator. The runtime does TLS
 * with what the binding holds, so two things are checked here that it cannot know: that the binding was made for
 * the root this peer is pinned to, and that it presents this very grant's certificate and not another person's.
 */
export const createWorkerdTransport = (options: WorkerdTransportOptions): PeerTransport => {
  const { bindings, env, proven } = options;

  const bindingOf = (grantId: string, caPem: string): PeerBinding & { readonly fetcher: Fetcher } => {
    const binding = bindings.get(grantId);
    if (binding === undefined) throw unusable(`${PEER_BINDINGS} has no entry for grant ${grantId}.`);
    if (sha256Hex(firstOf(caPem)) !== binding.caFingerprint) {
      throw unusable(
        `The binding ${binding.name} is for another authority than the one this peer is pinned to.`,
      );
    }
    const fetcher = env[binding.name];
    if (!isFetcher(fetcher)) throw unusable(`This deployment has no binding ${binding.name}.`);
    return { ...binding, fetcher };
  };

  const send = async (fetcher: Fetcher, url: string, init: RequestInit): Promise<Response> => {
    try {
      return await fetcher.fetch(url, { ...init, redirect: 'manual' });
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new MosaicError('peer_unreachable', { cause });
    }
  };

  /** @returns the peer's refusal, which is as good an answer to any other request; null when the grant is proven */
  const prove = async (fetcher: Fetcher, grantId: string, url: string, init: RequestInit) => {
    const signal = init.signal ?? AbortSignal.timeout(10_000);
    const base = url.slice(0, url.indexOf(FEDERATION) + FEDERATION.length);
    const headers = new Headers(init.headers);
    headers.delete('content-type');
    const answer = await send(fetcher, `${base}capabilities`, { headers, signal });
    if (answer.status !== 200) return answer;
    const text = await readText(answer, MAX_CAPABILITIES, signal);
    if (capabilities(text)?.grant.id === grantId) return null;
    throw unusable(`The binding for grant ${grantId} presents the certificate of another grant.`);
  };

  const connect = ({ caPem, certPem }: PeerCredentials): PeerClient => ({
    fetch: async (text, init = {}) => {
      const url = checkUrl(text);
      const grantId = grantOf(certPem);
      const { name, fetcher } = bindingOf(grantId, caPem);
      const proof = `${grantId} ${name}`;
      if (!proven.has(proof)) {
        if (!url.includes(FEDERATION)) throw new MosaicError('address_refused');
        const refusal = await prove(fetcher, grantId, url, init);
        if (refusal !== null) return refusal;
        proven.add(proof);
      }
      return send(fetcher, url, init);
    },
    close: async () => {},
  });

  /** Trusts that root and presents nothing; null: the operator has bound none. */
  const listBinding = (caPem: string): Fetcher | null => {
    const root = sha256Hex(firstOf(caPem));
    for (const { lists, caFingerprint } of bindings.values()) {
      const fetcher = lists === null || caFingerprint !== root ? null : env[lists];
      if (isFetcher(fetcher)) return fetcher;
    }
    return null;
  };

  /**
   * Revocation lists, and nothing else. A list is signed by the pinned authority, and none below a number that was seen is believed:
   * whoever carries it can only keep it back.
   */
  const anonymous = (caPem: string | null): PeerClient => ({
    fetch: async (text, init = {}) => {
      const url = checkUrl(text);
      const isList = new URL(url).pathname.endsWith(LISTS) && (init.method ?? 'GET') === 'GET';
      if (!isList) return refuse();
      const bound = caPem === null ? null : listBinding(caPem);
      return send(bound ?? { fetch: (to, how) => fetch(to, how) }, url, init);
    },
    close: async () => {},
  });

  return {
    bound: BOUND,
    connect,
    anonymous,
    pinnedRoot: async () => refuse(),
    assertAddressAllowed: async () => refuse(),
  };
};

const capabilities = (text: string): ReturnType<typeof readCapabilities> => {
  const json = parseJson(text, PLAIN);
  return json.ok ? readCapabilities(json.value) : null;
};
