import { CommandRefused, reasonOfRefusal } from './commands.ts';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start it, or correct the address',
  ENOTFOUND: 'there is no such host; correct the address',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'no connection in time',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  EPROTO: 'it does not speak TLS at that address',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS at that address',
};

/** OpenSSL's and Node's codes for a certificate that did not verify. */
const CERTIFICATE = /CERT|SIGNATURE|ISSUER/;

const codeOf = (error: Error): string | undefined =>
  'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** The server's own error, or null when it is the driver's or the socket's. */
export const refusalOf = (error: unknown): CommandRefused | null =>
  error instanceof Error && error.name === 'ReplyError' ? new CommandRefused(error.message) : null;

/**
 * Why Valkey can't be used, in words that hold nothing of the address, the credentials or a command: the driver's
 * errors carry the command with its arguments, so they are never passed on.
 */
export const reasonOf = (error: unknown): string => {
  const refusal = refusalOf(error);
  if (refusal !== null) return reasonOfRefusal(refusal);
  if (!(error instanceof Error)) return 'it cannot be reached';
  const code = codeOf(error);
  if (code !== undefined && CERTIFICATE.test(code)) return `its certificate is not trusted (${code})`;
  if (code !== undefined) return REASONS[code] ?? `the connection failed (${code})`;
  if (error.message === 'Command timed out') return 'no answer in time';
  if (error.message.startsWith('Socket timeout')) return 'no answer in time';
  return 'the connection was closed';
};
