export const SAMPLE_ID = '0f8fad5b-d9cb-469f-a165-70867728950e';
const utf8 = (text: string, tag = 0x0c): Uint8Array => {
  const content = new TextEncoder().encode(text);
  return Uint8Array.of(tag, content.length, ...content);
};

/** ABUSE 11, as values of an extension. */
export const MALFORMED_VALUES: readonly (readonly [string, Uint8Array])[] = [
  ['empty', new Uint8Array()],
  ['tag only', Uint8Array.of(0x0c)],
  ['PrintableString', utf8(SAMPLE_ID, 0x13)],
  ['IA5String', utf8(SAMPLE_ID, 0x16)],
  ['OCTET STRING', utf8(SAMPLE_ID, 0x04)],
  ['length 35', utf8(SAMPLE_ID.slice(1))],
  ['length 37', utf8(`${SAMPLE_ID}0`)],
  ['length byte of 35 before 36 octets', Uint8Array.of(0x0c, 0x23, ...utf8(SAMPLE_ID).slice(2))],
  ['BER long-form length', Uint8Array.of(0x0c, 0x81, 0x24, ...utf8(SAMPLE_ID).slice(2))],
  ['not a UUID', utf8('z'.repeat(36))],
  ['upper case', utf8(SAMPLE_ID.toUpperCase())],
  ['a hyphen moved', utf8('0f8fad5bd-9cb-469f-a165-70867728950e')],
  ['trailing bytes', Uint8Array.of(...utf8(SAMPLE_ID), 0)],
  ['a line end', utf8(`${SAMPLE_ID.slice(0, 35)}\n`)],
  ['what a template prints for a missing claim', utf8('%!s(<nil>)')],
  ['the bare text', new TextEncoder().encode(SAMPLE_ID)],
];
