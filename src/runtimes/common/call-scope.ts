import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallScope } from '../../../db/driver/budget.ts';

/** Tells which request a call is of. Node, Deno and workerd (`nodejs_compat`) have it alike. */
export const createCallScope = (): CallScope => new AsyncLocalStorage<object>();
