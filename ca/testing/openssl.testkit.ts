import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CommandResult {
  readonly code: number;
  /** Standard output and error, one after the other. */
  readonly text: string;
}

const codeOf = (error: Error | null): number => {
  if (error === null) return 0;
  const { code } = error as Error & { readonly code?: string | number };
  if (code === 'ENOENT') {
    throw new Error(
      'these tests validate with the real OpenSSL: put `openssl` 3 on the PATH (Debian: apt install openssl)',
    );
  }
  return typeof code === 'number' ? code : 1;
};

/** Runs the OpenSSL command line. Files are written to a folder of their own; `@name` in an argument is their path. */
export const openssl = async (
  args: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<CommandResult> => {
  const folder = await mkdtemp(join(tmpdir(), 'mosaic-openssl-'));
  try {
    await Promise.all(
      Object.entries(files).map(([name, data]) => writeFile(join(folder, name), data, { mode: 0o600 })),
    );
    const placed = args.map((argument) =>
      argument.startsWith('@') ? join(folder, argument.slice(1)) : argument,
    );
    return await new Promise((resolve, reject) => {
      execFile('openssl', placed, { maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
        try {
          resolve({ code: codeOf(error), text: `${stdout}${stderr}` });
        } catch (missing) {
          reject(missing instanceof Error ? missing : new Error(String(missing)));
        }
      });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Output of a command that must succeed. */
export const opensslText = async (
  args: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<string> => {
  const { code, text } = await openssl(args, files);
  if (code !== 0) throw new Error(`openssl ${args.join(' ')} failed: ${text}`);
  return text;
};

/** A new key (`-newkey` argument and options) and a request for it, PEM, made without our code. */
export const opensslCsr = async (
  newKey: readonly string[],
  options: readonly string[] = ['-subj', '/'],
): Promise<{ readonly csrPem: string; readonly keyPem: string }> => {
  const text = await opensslText(['req', '-new', '-nodes', '-newkey', ...newKey, '-keyout', '-', ...options]);
  const block = (label: string): string =>
    new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`).exec(text)?.[0] ?? '';
  return { csrPem: block('CERTIFICATE REQUEST'), keyPem: block('PRIVATE KEY') };
};

/** A certificate (PEM) as OpenSSL prints it. */
export const textOf = (pem: string): Promise<string> =>
  opensslText(['x509', '-in', '@leaf', '-noout', '-text', '-nameopt', 'utf8'], { leaf: pem });

/** The number in a CRL (PEM), as OpenSSL reads it. */
export const crlNumber = async (pem: string): Promise<bigint> =>
  BigInt(
    /crlNumber=(0x[0-9A-F]+)/i.exec(
      await opensslText(['crl', '-in', '@crl', '-noout', '-crlnumber'], { crl: pem }),
    )?.[1] ?? '-1',
  );
