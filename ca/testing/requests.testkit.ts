import { MosaicError } from '../../domain/errors.ts';
import type { ClientProfile, IssueRequest, ServerProfile } from '../authority.ts';
import { pemToDer } from '../x509/pem.ts';
import { makeKeyMaker } from '../x509/request.ts';

const HOUR = 3_600_000;

export const clientProfile = (): ClientProfile => ({
  kind: 'peer-client',
  grantId: crypto.randomUUID(),
  subjectUserId: crypto.randomUUID(),
});

export const csrDer = (pem: string): Uint8Array => {
  const der = pemToDer(pem, 'CERTIFICATE REQUEST');
  if (!der.ok) throw new Error(der.error);
  return der.value;
};

/** A request for `profile` from now on, with a new P-256 key unless a request (PEM) is given. */
export const requestFor = async (
  profile: ClientProfile | ServerProfile,
  options: { readonly csrPem?: string; readonly now?: Date; readonly lifetimeMs?: number } = {},
): Promise<IssueRequest & { readonly csr: Uint8Array }> => {
  const now = options.now ?? new Date();
  const csrPem = options.csrPem ?? (await makeKeyMaker().keyAndCsr()).csrPem;
  const notAfter = new Date(now.getTime() + (options.lifetimeMs ?? HOUR));
  return { profile, csr: csrDer(csrPem), notBefore: now, notAfter };
};

export const failureOf = async (work: Promise<unknown>): Promise<MosaicError> => {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof MosaicError)) throw new Error(`expected a MosaicError, got ${String(error)}`);
  return error;
};
