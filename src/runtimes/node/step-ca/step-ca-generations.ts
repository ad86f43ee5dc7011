import type { Authority } from '../../../../ca/authority.ts';
import { createStepCaGenerations, type StepCaInstance } from '../../../../ca/step-ca/generations.ts';
import { announces, isRoot } from '../../../../ca/x509/announcement.ts';
import { sameBytes, sha256Hex } from '../../../../ca/x509/bytes.ts';
import { readCertificate, type CertificateInfo } from '../../../../ca/x509/certificate.ts';
import { pemToDer } from '../../../../ca/x509/pem.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import type { Log } from '../../../../domain/ports/basics.ts';
import type { Storage } from '../../../../domain/ports/storage.ts';
import type { StepCaConfig } from '../../../config/config.ts';
import { systemClock } from '../../../app/wire.ts';
import { BootError, type BootFault } from '../boot/boot-fault.ts';
import { placeOf } from '../boot/explain-services.ts';
import { openStepCa, readPem, type OpenedStepCa } from './step-ca.ts';

/** The step-cas of a configuration, before the database tells which of them issues. */
export interface OpenedAuthority {
  /** @throws BootError when the one that issues is not as it must be, or is none of these */
  readonly assemble: (storage: Storage, log: Log) => Promise<Authority>;
  readonly close: () => Promise<void>;
}

const faultAt = (where: string, message: string, remedy: string): BootError =>
  new BootError([{ service: 'step-ca', where, message, remedy }]);

const read = (pem: string): { readonly der: Uint8Array; readonly info: CertificateInfo } => {
  const der = pemToDer(pem, 'CERTIFICATE');
  if (!der.ok) throw new Error(der.error);
  const info = readCertificate(der.value);
  if (!info.ok) throw new Error(info.error);
  return { der: der.value, info: info.value };
};

const instanceOf = (
  { authority, files, check }: OpenedStepCa,
  leafLifetimeSeconds: number,
): StepCaInstance => ({
  id: sha256Hex(read(files.intermediatePem).der),
  authority,
  rootPem: files.rootPem,
  intermediatePem: files.intermediatePem,
  check: async () => (await check(leafLifetimeSeconds)).map(({ message }) => message),
});

/** Peers would refuse it, each at its renewal: it shows here, before anything is announced. @throws BootError */
const readLink = async (
  next: NonNullable<StepCaConfig['next']>,
  first: OpenedStepCa,
  opened: OpenedStepCa,
): Promise<string> => {
  const where = placeOf(next.url);
  const remedy =
    'make it with infra/step-ca/cross-sign.sh, where the present root’s key is (STEP_CA_NEXT_LINK_PATH)';
  const [older, root] = [read(first.files.rootPem), read(opened.files.rootPem)];
  const names = [older, root, read(first.files.intermediatePem), read(opened.files.intermediatePem)];
  const hasSameRoot = sameBytes(older.der, root.der);
  const distinct = new Set(names.map(({ info }) => info.subject.join())).size;
  if (distinct !== (hasSameRoot ? 3 : 4))
    throw faultAt(
      where,
      'its root or intermediate is called as one of the present step-ca',
      'provision it with another CA_NAME: certificates and lists of the two are told apart by that',
    );
  if (hasSameRoot) return '';
  if (next.linkPath === null)
    throw faultAt(where, 'nothing announces its root: peers would not believe it', remedy);
  const pem = readPem(next.linkPath, 'CERTIFICATE', 'STEP_CA_NEXT_LINK_PATH', where);
  const now = systemClock.now();
  if (!(await isRoot(root.info, now)) || !(await announces(read(pem).info, root.info, older.info, now)))
    throw faultAt(
      where,
      `${next.linkPath} is not the present root’s signature over the name and key of this root, or not in time`,
      remedy,
    );
  return pem;
};

const openBoth = async (config: StepCaConfig) => {
  const first = await openStepCa(config);
  if (config.next === null) return { first, next: null };
  try {
    const opened = await openStepCa(config.next, 'STEP_CA_NEXT');
    try {
      return { first, next: { ...opened, linkPem: await readLink(config.next, first, opened) } };
    } catch (error) {
      await opened.close();
      throw error;
    }
  } catch (error) {
    await first.close();
    throw error;
  }
};

/**
 * All step-cas of a configuration, opened and asked. With one alone its faults are known at once; of two the one that issues
 * must be well, and that stands in the database.
 * @throws BootError
 */
export const openStepCas = async (
  config: StepCaConfig,
  leafLifetimeSeconds: number,
): Promise<OpenedAuthority> => {
  const { first, next } = await openBoth(config);
  const close = async (): Promise<void> => {
    await Promise.all([first.close(), next?.close()]);
  };
  const checked = async (opened: OpenedStepCa): Promise<readonly BootFault[]> =>
    opened.check(leafLifetimeSeconds);
  const [faults, faultsOfNext] = await Promise.all([checked(first), next === null ? [] : checked(next)]);
  if (next === null && faults.length > 0) {
    await close();
    throw new BootError(faults);
  }
  const one = instanceOf(first, leafLifetimeSeconds);
  const other = next === null ? null : { ...instanceOf(next, leafLifetimeSeconds), linkPem: next.linkPem };
  return {
    close,
    assemble: async (storage, log) => {
      const { stepCaRoll: store } = storage.stores;
      const authority = createStepCaGenerations({ first: one, next: other, store, clock: systemClock, log });
      try {
        const issuing = (await authority.trust()).intermediatesPem.startsWith(one.intermediatePem.trimEnd());
        const wrong = issuing ? faults : faultsOfNext;
        if (wrong.length > 0) throw new BootError(wrong);
      } catch (error) {
        if (!(error instanceof MosaicError)) throw error;
        const remedy = 'see docs/explanation/renewal.md, "Another root for the authority"';
        throw faultAt(placeOf(config.url), (error.detail ?? error.message).replace(/\.$/, ''), remedy);
      }
      return authority;
    },
  };
};
