import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileError } from '../../../../domain/system-errors.ts';
import { readCrlHead, type CrlInfo } from '../../../../ca/x509/crl-read.ts';
import type { Trust } from '../../../../ca/authority.ts';
import { MAX_LISTS_LENGTH, splitPem } from '../../../../ca/x509/pem.ts';
import { BootError } from '../boot/boot-fault.ts';
import { codeOf } from '../boot/errno.ts';
import { takeFolderLock } from '../boot/folder-lock.ts';
import { whoElseWrites } from '../boot/folder-modes.ts';
import { makeFolder } from '../boot/make-folder.ts';
import type { ServerCertificate, ServerNames } from './server-certificate.ts';

/** Files of the folder, as nginx's configuration names them, with their modes. */
const FRONT_FILES = {
  'client-ca.pem': 0o644,
  'crl.pem': 0o644,
  'front-proof.conf': 0o600,
  'server.key': 0o600,
  'server.pem': 0o644,
} as const;

export type FrontFile = keyof typeof FRONT_FILES;
export type FrontFiles = Readonly<Record<FrontFile, string>>;
export const FRONT_FILE_NAMES = Object.keys(FRONT_FILES) as readonly FrontFile[];

/** Header by which nginx proves itself; as the file of the folder sets it. */
const PROOF_LINE = /^proxy_set_header Mosaic-Front-Proof "([0-9a-f]{64})";$/m;
const PROOF_BYTES = 32;

/** What nginx proves itself with, or null when the folder holds none that could be used. */
export const proofIn = ({ 'front-proof.conf': text }: Partial<FrontFiles>): string | null =>
  PROOF_LINE.exec(text ?? '')?.[1] ?? null;

/** The text of front-proof.conf: what is there, or a new secret of 256 bits. */
export const proofFor = (there: Partial<FrontFiles>): string =>
  proofIn(there) === null
    ? `# Made by the gateway, which believes a request on its sockets only with it. To renew it, remove this file.\nproxy_set_header Mosaic-Front-Proof "${randomBytes(PROOF_BYTES).toString('hex')}";\n`
    : (there['front-proof.conf'] ?? '');

const LOCK = '.lock';
const LOCK_POLL_MS = 25;
/** Longer than who holds it may take: a test of nginx's configuration and a reload (nginx.ts). */
const LOCK_WAIT_MS = 20_000;

const unusable = (folder: string, error: unknown): BootError => {
  const { what: message, cure } = fileError(error) ?? { what: 'it fails', cure: 'Look at the folder' };
  const remedy = `${cure}; the gateway’s user must be able to write there (MOSAIC_FRONT_DIRECTORY)`;
  return new BootError([{ service: 'front', where: folder, message, remedy }]);
};

/** @throws BootError for a folder in which others could put an authority of theirs */
const assertOwn = (folder: string): void => {
  const fault = whoElseWrites(folder);
  if (fault === null) return;
  const remedy = `check whether it holds anything that is not the gateway’s, then close it to others: chmod 750 ${folder}`;
  throw new BootError([{ service: 'front', where: folder, message: fault, remedy }]);
};

/** Makes the folder when there is none, and tries to write. @throws BootError, also for one that others may write to */
export const assertWritable = (folder: string): void => {
  const probe = join(folder, `.probe.${process.pid}`);
  try {
    makeFolder(folder, 0o750);
    assertOwn(folder);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw error instanceof BootError ? error : unusable(folder, error);
  }
};

/**
 * Runs `work` alone among all replicas that share the folder: a key and its certificate are two files.
 * @throws Error when another one holds the lock for too long
 */
export const withFolder = async <T>(folder: string, work: () => Promise<T>): Promise<T> => {
  const path = join(folder, LOCK);
  const end = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    const lock = takeFolderLock(path);
    if (lock.taken) {
      try {
        return await work();
      } finally {
        lock.release();
      }
    }
    if (Date.now() > end) throw new Error(`${path} is held by process ${lock.pid} on ${lock.host}`);
    await wait(LOCK_POLL_MS);
  }
};

const readIfThere = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
};

/** @returns null where there is none. @throws Error of the host where it cannot be read */
export const readFrontFile = (folder: string, name: FrontFile): string | null =>
  readIfThere(join(folder, name));

/** What is there. @throws Error of the host for a file that cannot be read */
export const readFront = (folder: string): Partial<FrontFiles> =>
  Object.fromEntries(
    FRONT_FILE_NAMES.flatMap((name) => {
      const text = readFrontFile(folder, name);
      return text === null ? [] : [[name, text]];
    }),
  );

/** The same at a start. @throws BootError for a file that cannot be read */
export const readFrontAtStart = (folder: string): Partial<FrontFiles> => {
  try {
    return readFront(folder);
  } catch (error) {
    const message = `a file in it cannot be read (${codeOf(error)})`;
    const remedy =
      'make the gateway’s user the owner of server.key and front-proof.conf, or remove them: the gateway makes new ones';
    throw new BootError([{ service: 'front', where: folder, message, remedy }]);
  }
};

export type ProofReading =
  | { readonly secret: string; readonly fault: null }
  /** `missing`, `empty` (it holds no secret), or the code of a failed reading. */
  | { readonly secret: null; readonly fault: string };

/** What front-proof.conf holds now. Never throws: the gateway goes on with what it knows. */
export const readProof = (folder: string): ProofReading => {
  try {
    const text = readIfThere(join(folder, 'front-proof.conf'));
    if (text === null) return { secret: null, fault: 'missing' };
    const secret = proofIn({ 'front-proof.conf': text });
    return secret === null ? { secret, fault: 'empty' } : { secret, fault: null };
  } catch (error) {
    return { secret: null, fault: codeOf(error) };
  }
};

/** Each file whole or not at all; null removes it. */
export const writeFront = (folder: string, files: { readonly [K in FrontFile]?: string | null }): void => {
  for (const name of FRONT_FILE_NAMES) {
    const text = files[name];
    const path = join(folder, name);
    if (text === undefined) continue;
    if (text === null) {
      rmSync(path, { force: true });
      continue;
    }
    const draft = `${path}.${process.pid}.new`;
    writeFileSync(draft, text, { mode: FRONT_FILES[name], flush: true });
    renameSync(draft, path);
  }
};

const derOf = (pem: string): readonly Uint8Array[] => {
  const blocks = splitPem(pem, MAX_LISTS_LENGTH);
  return blocks.ok ? blocks.value.map(({ der }) => der) : [];
};

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;

const nameIt = (leaf: X509Certificate, { dnsNames, ipAddresses }: ServerNames): boolean =>
  dnsNames.every((name) => leaf.checkHost(name, { subject: 'never' }) !== undefined) &&
  ipAddresses.every((address) => leaf.checkIP(address) !== undefined);

/** The certificate a folder holds, when it belongs to its key, names every host and comes from the authority that issues. */
export const certificateIn = (
  files: Partial<FrontFiles>,
  names: ServerNames,
  { rootsPem, intermediatesPem }: Trust,
): ServerCertificate | null => {
  const { 'server.pem': chain, 'server.key': key } = files;
  if (chain === undefined || key === undefined) return null;
  const ders = derOf(chain);
  if (!same(ders.at(-1), derOf(rootsPem)[0])) return null;
  if (intermediatesPem !== '' && !same(ders[1], derOf(intermediatesPem)[0])) return null;
  try {
    const leaf = new X509Certificate(ders[0] ?? new Uint8Array());
    const signer = new X509Certificate(ders[1] ?? new Uint8Array());
    const fits = leaf.verify(signer.publicKey) && leaf.checkPrivateKey(createPrivateKey(key));
    if (!fits || !nameIt(leaf, names)) return null;
    return { chain, key, notBefore: leaf.validFromDate, notAfter: leaf.validToDate };
  } catch {
    return null;
  }
};

/** The authority's list in crl.pem, or null when there is none. */
export const listIn = ({ 'crl.pem': text }: Partial<FrontFiles>): CrlInfo | null => {
  const [der] = text === undefined ? [] : derOf(text);
  return der === undefined ? null : readCrlHead(der);
};

const APPLIED = '.applied';

const hashOf = (files: Partial<FrontFiles>): string =>
  createHash('sha256')
    .update(JSON.stringify(FRONT_FILE_NAMES.map((name) => files[name] ?? null)))
    .digest('hex');

/** Whether the front was told of these very files: whoever wrote them may have ended before that. */
export const isApplied = (folder: string, files: FrontFiles): boolean =>
  readIfThere(join(folder, APPLIED)) === hashOf(files);

export const markApplied = (folder: string, files: FrontFiles): void =>
  writeFileSync(join(folder, APPLIED), hashOf(files), { mode: 0o600 });
