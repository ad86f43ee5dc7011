const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024;

/** The body as text, or null when it is larger than any answer of a gateway. A server must not fill our memory. */
export const readBody = async (response: Response, limit = LARGEST_ANSWER_BYTES): Promise<string | null> => {
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (reader === undefined) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      return null;
    }
    chunks.push(value);
  }
  return new TextDecoder().decode(await new Blob(chunks as BlobPart[]).arrayBuffer());
};
