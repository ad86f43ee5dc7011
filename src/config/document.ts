/** A parsed JSON object that nothing has checked yet. */
export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a dotted path, or undefined. */
export const at = (document: Json, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), document);

/** Sets (or, given undefined, removes) the value at a dotted path and makes the objects in between. */
export const place = (document: Json, path: string, value: unknown): void => {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let here = document;
  for (const key of keys) {
    const next = here[key];
    // Nonsense where an object belongs is the schema's to name, so leave it be.
    if (next !== undefined && !isObject(next)) return;
    if (next === undefined && value === undefined) return;
    const child: Json = next ?? {};
    here[key] = child;
    here = child;
  }
  if (value === undefined) delete here[last];
  else here[last] = value;
};
