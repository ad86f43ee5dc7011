import type { Principal } from '../../domain/access/decide.ts';

/** Who asks a service for something, and within which trace. */
export interface Actor {
  readonly principal: Principal;
  readonly traceId: string;
  /** The `traceparent` header that came with the request, if one did. */
  readonly parent?: string | undefined;
}
