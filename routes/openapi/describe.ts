import type { Env, Handler, MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import type { ErrorCode } from '../../domain/errors.ts';

export interface AnswerDescription {
  readonly status: number;
  readonly description: string;
  /** Shape of the answer, or absent when there is no body or it is no JSON. */
  readonly schema?: z.ZodType;
  /** Default `application/json` with a schema, none without. */
  readonly contentType?: string;
  /** What it comes as where somebody asks for that. */
  readonly otherTypes?: readonly string[];
  /** Names and meanings of headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a person needs to know of a route beside its validators. */
export interface RouteDescription {
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly success: AnswerDescription;
  /** Further answers that are no problem documents. */
  readonly otherAnswers?: readonly AnswerDescription[];
  /** Codes beside those that validators and guards of the route bring along. */
  readonly errors?: readonly ErrorCode[];
}

export type SecurityScheme = 'bearer' | 'mutualTLS';

/** What a middleware tells about itself to whoever walks `app.routes`. */
export type RouteTag =
  | { readonly kind: 'description'; readonly description: RouteDescription }
  | {
      readonly kind: 'input';
      readonly target: string;
      readonly schema: z.ZodType;
      readonly errors: readonly ErrorCode[];
    }
  | { readonly kind: 'guard'; readonly security?: SecurityScheme; readonly errors: readonly ErrorCode[] };

const TAG = Symbol('what a middleware tells about itself');

/** Tags a middleware and returns it. */
export const tagged = <H extends object>(handler: H, tag: RouteTag): H => {
  Reflect.set(handler, TAG, tag);
  return handler;
};

/** Tags a guard (authentication, rate limit …) with what it demands and how it refuses. */
export const guard = <H extends object>(
  handler: H,
  errors: readonly ErrorCode[],
  security?: SecurityScheme,
): H => tagged(handler, { kind: 'guard', errors, ...(security === undefined ? {} : { security }) });

// Hono wraps the handlers of a sub-app that has its own error handler and leaves the original here.
const COMPOSED = '__COMPOSED_HANDLER';

/** The tag of a registered handler, or null for an ordinary one. */
export const tagOf = (handler: Handler | MiddlewareHandler): RouteTag | null => {
  const inner: unknown = Reflect.get(handler, COMPOSED);
  return typeof inner === 'function'
    ? tagOf(inner as Handler)
    : ((Reflect.get(handler, TAG) as RouteTag | undefined) ?? null);
};

/** Documents a route: `app.get('/', describe({…}), validate(…), handler)`. Costs a request nothing but one call. */
export const describe = <E extends Env, P extends string>(
  description: RouteDescription,
): MiddlewareHandler<E, P> =>
  tagged<MiddlewareHandler<E, P>>((_c, next) => next(), { kind: 'description', description });
