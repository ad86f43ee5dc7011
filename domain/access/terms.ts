import type { CursorPosition } from '../paging/cursor.ts';
import type { Resource } from '../resources.ts';
import type { HitPosition } from '../search/hit.ts';

/** What must still hold in the very statement that reads rows for a peer (SPEC M3, ARCHITECTURE step 2). */
export interface GrantFence {
  readonly grantId: string;
  readonly grantVersion: number;
  readonly subjectUserId: string;
  /** Lower-case hexadecimal. */
  readonly certificateSerial: string;
  /** SHA-256 of the certificate that was presented, lower-case hexadecimal. */
  readonly certificateFingerprint: string;
  /** The highest revocation epoch that the deciding process knows of, 0 for none: an older database reads nothing. */
  readonly revocationEpoch: number;
}

export type ReadTarget =
  | { readonly verb: 'capabilities' }
  | {
      readonly verb: 'list';
      readonly resource: Resource;
      readonly limit: number;
      readonly after: CursorPosition | null;
    }
  | { readonly verb: 'get'; readonly resource: Resource; readonly id: string }
  | {
      readonly verb: 'search';
      readonly query: string;
      /** What may be searched, each resource in its own bounds: nothing else is so much as looked at. */
      readonly within: readonly SearchReach[];
      readonly limit: number;
      readonly after: HitPosition | null;
    };

export interface SearchReach {
  readonly resource: Resource;
  readonly personal: boolean;
  readonly teams: 'all' | readonly string[];
}

export interface ReadTerms<T extends ReadTarget = ReadTarget> {
  /** The user as whom native RBAC is applied. */
  readonly subjectUserId: string;
  readonly target: T;
  readonly personal: boolean;
  /** `all`: every team the subject is a member of. Otherwise those of this list the subject is a member of. */
  readonly teams: 'all' | readonly string[];
  /** null for a person reading at the own gateway. */
  readonly fence: GrantFence | null;
}
