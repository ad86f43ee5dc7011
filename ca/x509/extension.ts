import { err, ok, type Result } from '../../domain/result.ts';
import { isUuid } from '../../domain/uuid.ts';
import { sameBytes } from './bytes.ts';

/** `0C 24`: UTF8String of 36 octets. */
const HEADER = Uint8Array.of(0x0c, 0x24);
const LENGTH = 38;

/**
 * The value of an identity extension: DER UTF8String of a UUID (SPEC M2).
 * @throws TypeError when the text is no UUID in canonical form
 */
export const encodeIdentityExtension = (uuid: string): Uint8Array => {
  if (!isUuid(uuid)) throw new TypeError('an identity extension holds a lower-case UUID');
  return Uint8Array.of(...HEADER, ...new TextEncoder().encode(uuid));
};

/** Accepts exactly what `encodeIdentityExtension` writes, and nothing else (ABUSE 11). */
export const decodeIdentityExtension = (value: Uint8Array): Result<string, string> => {
  if (value[0] !== HEADER[0]) return err('the value is not a UTF8String');
  if (value.length !== LENGTH || !sameBytes(value.subarray(0, 2), HEADER)) {
    return err('the value is not a UTF8String of 36 octets');
  }
  const text = String.fromCharCode(...value.subarray(2));
  return isUuid(text) ? ok(text) : err('the value is not a lower-case UUID');
};
