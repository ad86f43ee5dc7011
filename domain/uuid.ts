const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a string is a UUID in canonical lower-case text form (RFC 9562 section 4), 36 characters. */
export const isUuid = (value: unknown): value is string => typeof value === 'string' && CANONICAL.test(value);
