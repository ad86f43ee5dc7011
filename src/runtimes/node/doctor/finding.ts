/** What the doctor saw of one part, before anybody judges it. Holds no secret. */
export type Finding =
  | {
      readonly kind: 'configuration';
      readonly tier: string;
      /** Path of the file; null: environment and defaults alone. */
      readonly file: string | null;
      readonly warnings: readonly string[];
    }
  | (Probe & { readonly kind: 'database'; readonly facts: DatabaseFinding | null })
  /** The file that the front proves itself with. */
  | { readonly kind: 'front-proof'; readonly where: string; readonly fault: string }
  /** One of the three logins of a Postgres. */
  | { readonly kind: 'login'; readonly purpose: string; readonly problem: Problem | null }
  /** The server logs what this login's statements are given. `settings` is empty: it does not. */
  | { readonly kind: 'parameter-logging'; readonly purpose: string; readonly settings: readonly string[] }
  | (Probe & { readonly kind: 'kv'; readonly type: string })
  | (Probe & { readonly kind: 'authority'; readonly type: string })
  /** A running gateway of this configuration. `problem` null: it is ready. */
  | (Probe & { readonly kind: 'gateway'; readonly isRunning: boolean })
  /** What nginx says of its configuration. */
  | (Probe & { readonly kind: 'front-configuration' })
  | (Probe & { readonly kind: 'folder'; readonly holder: string | null })
  | { readonly kind: 'sealing-key'; readonly opens: boolean | null }
  | {
      readonly kind: 'expiry';
      readonly what: ExpiryKind;
      readonly name: string;
      /** null: there is none. */
      readonly notAfter: Date | null;
      readonly notBefore: Date | null;
    }
  | { readonly kind: 'revocations'; readonly isLost: boolean }
  | { readonly kind: 'peer'; readonly name: string; readonly direction: string; readonly state: string };

export type ExpiryKind = 'authority' | 'root-list' | 'list' | 'front' | 'front-list' | 'peer';

export interface Probe {
  readonly where: string;
  /** Milliseconds until it answered or failed. */
  readonly ms: number | null;
  readonly problem: Problem | null;
}

export interface Problem {
  readonly message: string;
  readonly remedy: string;
}

export const PROOF_REMEDY =
  'give the gateway’s user front-proof.conf (mode 0600) in MOSAIC_FRONT_DIRECTORY, or remove it: the gateway makes it anew';

export const LOST_REVOCATIONS: Problem = {
  message: 'revocations are lost: the database is older than what was published, and peers are refused',
  remedy:
    'compare the grants with what was revoked, then: mosaic gateway accept-restore (docs/revocation.md)',
};

export interface DatabaseFinding {
  readonly version: string;
  readonly vector: string | null;
  readonly isVectorAvailable: boolean;
  /** LC_CTYPE. */
  readonly characterType: string;
  readonly pending: readonly string[] | null;
}
