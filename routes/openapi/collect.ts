import type { Hono } from 'hono';
import type { z } from 'zod';
import type { ErrorCode } from '../../domain/errors.ts';
import type { AppEnv, Surface } from '../http/http.ts';
import { tagOf, type RouteDescription, type RouteTag, type SecurityScheme } from './describe.ts';

type Routes = Hono<AppEnv>['routes'];

/** One app whose routes are documented. */
export interface OpenapiSource {
  readonly surface: Surface;
  readonly routes: Routes;
}

export interface InputSchema {
  readonly target: string;
  readonly schema: z.ZodType;
}

/** All that the handlers along one route say about it. */
export interface CollectedRoute {
  readonly surface: Surface;
  /** Upper case. */
  readonly method: string;
  /** As registered, with `:name` parameters. */
  readonly path: string;
  readonly description: RouteDescription | null;
  readonly inputs: readonly InputSchema[];
  readonly security: SecurityScheme | null;
  /** Without duplicates. */
  readonly errors: readonly ErrorCode[];
}

const covers = (pattern: string, path: string): boolean =>
  pattern.endsWith('*') ? `${path}/`.startsWith(pattern.slice(0, -1)) : pattern === path;

const errorsOf = (tag: RouteTag): readonly ErrorCode[] =>
  tag.kind === 'description' ? (tag.description.errors ?? []) : tag.errors;

const collectOne = (source: OpenapiSource, method: string, path: string): CollectedRoute => {
  const tags = source.routes
    .filter(
      (route) =>
        (route.method === method && route.path === path) ||
        (route.method === 'ALL' && covers(route.path, path)),
    )
    .map((route) => tagOf(route.handler))
    .filter((tag) => tag !== null);
  const guards = tags.filter((tag) => tag.kind === 'guard');
  const guarded = guards.find((tag) => tag.security !== undefined)?.security ?? null;
  const security = guarded ?? (source.surface === 'federation' ? 'mutualTLS' : null);
  // Looking up who asks takes the database, and so does every change.
  const asksDatabase = security !== null || method !== 'GET';
  const common: readonly ErrorCode[] = asksDatabase ? ['internal', 'database_unavailable'] : ['internal'];
  return {
    surface: source.surface,
    method,
    path,
    description: tags.find((tag) => tag.kind === 'description')?.description ?? null,
    inputs: tags.filter((tag) => tag.kind === 'input').map(({ target, schema }) => ({ target, schema })),
    security,
    errors: [...new Set([...tags.flatMap(errorsOf), ...common])],
  };
};

/** Every route of the apps, in order of registration; middlewares without a method are no routes. */
export const collectRoutes = (sources: readonly OpenapiSource[]): readonly CollectedRoute[] =>
  sources.flatMap((source) => {
    const seen = new Set<string>();
    return source.routes.flatMap(({ method, path }) => {
      const key = `${method} ${path}`;
      if (method === 'ALL' || seen.has(key)) return [];
      seen.add(key);
      return [collectOne(source, method, path)];
    });
  });
