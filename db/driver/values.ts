const iso = (text: string): string => new Date(text).toISOString();

/**
 * The database's text of a `timestamp` or `timestamptz` in UTC as RFC 3339 with milliseconds. Cheap on purpose:
 * it runs for every time of every row. Anything unusual (another offset, a far year) takes the slow way.
 */
export const toIso = (text: string): string => {
  const bare = text.endsWith('+00') ? text.slice(0, -3) : text;
  switch (bare.length === 19 || bare.charAt(19) === '.' ? bare.length : 0) {
    case 19:
      return `${bare.slice(0, 10)}T${bare.slice(11)}.000Z`;
    case 21:
      return `${bare.slice(0, 10)}T${bare.slice(11)}00Z`;
    case 22:
      return `${bare.slice(0, 10)}T${bare.slice(11)}0Z`;
    case 23:
      return `${bare.slice(0, 10)}T${bare.slice(11)}Z`;
    default:
      return iso(/[+-]\d\d(:\d\d)?$/.test(text.slice(10)) ? text : `${text}Z`);
  }
};

/** Type numbers of Postgres whose text is turned into something else. */
export const TYPE = {
  bool: 16,
  int2: 21,
  int4: 23,
  oid: 26,
  float4: 700,
  float8: 701,
  timestamp: 1114,
  timestamptz: 1184,
} as const;

export type Parse = (text: string) => string | number | boolean;

const PARSERS: ReadonlyMap<number, Parse> = new Map<number, Parse>([
  [TYPE.bool, (text) => text === 't'],
  [TYPE.int2, Number],
  [TYPE.int4, Number],
  [TYPE.oid, Number],
  [TYPE.float4, Number],
  [TYPE.float8, Number],
  [TYPE.timestamp, toIso],
  [TYPE.timestamptz, toIso],
]);

/** How a column of that type is read, or undefined when its text is kept. */
export const parserOf = (type: number): Parse | undefined => PARSERS.get(type);

/** A list as the text of a Postgres array of UUIDs (nothing in it needs quoting). */
export const uuidArray = (ids: readonly string[]): string => `{${ids.join(',')}}`;
