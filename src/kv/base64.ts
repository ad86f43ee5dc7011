/** As many arguments as every engine takes in one call, and fast. */
const CHUNK = 0x20_00;

/** RFC 4648 section 4, padded. */
export const toBase64 = (bytes: Uint8Array): string => {
  let binary = '';
  for (let at = 0; at < bytes.length; at += CHUNK) {
    // `apply` reads the bytes as they are; spreading them costs ten times as much.
    binary += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK) as unknown as number[]);
  }
  return btoa(binary);
};

/** The bytes, or null when the text is not base64. */
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> | null => {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return null;
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
};
