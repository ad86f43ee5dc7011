import type { Light } from '../../../../domain/status/health-texts.ts';
import type { PeerStanding } from '../../../../domain/status/health.ts';

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
  /** What “mosaic database setup-sql” prints has changed since it was run there. */
  | { readonly kind: 'outdated-setup' }
  /** The server logs what this login's statements are given. `settings` is empty: it does not. */
  | { readonly kind: 'parameter-logging'; readonly purpose: string; readonly settings: readonly string[] }
  /** `isNeeded`: requests are refused without it. */
  | (Probe & { readonly kind: 'kv'; readonly type: string; readonly isNeeded: boolean })
  | (Probe & { readonly kind: 'authority'; readonly type: string })
  /** A running gateway of this configuration, with what it says is wrong. `problem`: it could not be asked. */
  | (Probe & {
      readonly kind: 'gateway';
      readonly isRunning: boolean;
      readonly complaints: readonly Complaint[];
    })
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
  | { readonly kind: 'peer'; readonly standing: PeerStanding };

export type ExpiryKind = 'authority' | 'root-list' | 'list' | 'front' | 'front-list';

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

/** A finding of the gateway's own model of health (domain/status/health.ts). */
export interface Complaint extends Problem {
  readonly status: Exclude<Light, 'green'>;
}

export interface DatabaseFinding {
  readonly version: string;
  readonly vector: string | null;
  readonly isVectorAvailable: boolean;
  /** LC_CTYPE. */
  readonly characterType: string;
  readonly pending: readonly string[] | null;
}
