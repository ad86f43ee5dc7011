const KEY_BYTES = 32;

const fromHex = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> | null => {
  try {
    return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
};

/** The 32 bytes of a sealing key given as base64 (either alphabet) or as 64 hexadecimal characters, or null. */
export const parseSealingKey = (text: string): Uint8Array<ArrayBuffer> | null => {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return fromHex(text);
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return null;
  const bytes = fromBase64(text);
  return bytes?.length === KEY_BYTES ? bytes : null;
};

/** More than one rotation leaves behind. */
const MAX_KEYS = 8;

/** One to eight keys, separated by blanks, lines or commas, or null. */
export const parseSealingKeys = (text: string): readonly Uint8Array<ArrayBuffer>[] | null => {
  const keys = text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map(parseSealingKey);
  const known = keys.filter((key) => key !== null);
  return known.length === keys.length && keys.length >= 1 && keys.length <= MAX_KEYS ? known : null;
};
