/** The answer is longer than the caller accepts. */
export class AnswerTooLarge extends Error {
  constructor(maxBytes: number) {
    super(`the answer is longer than ${maxBytes} bytes`);
    this.name = 'AnswerTooLarge';
  }
}

/**
 * Settles like `work`, or rejects with the signal's reason as soon as it aborts, even when whoever does the
 * work ignores the signal.
 */
export const abortable = <T>(signal: AbortSignal, work: Promise<T>): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });

/**
 * Reads a body as UTF-8 text of at most `maxBytes`, counted after decompression, so that neither a wrong
 * Content-Length nor a compressed bomb makes it longer.
 * @throws AnswerTooLarge; TypeError for bytes that are not UTF-8; the signal's reason
 */
export const readText = async (
  response: Response,
  maxBytes: number,
  signal: AbortSignal,
  weigh: (bytes: number) => void = () => {},
): Promise<string> => {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let size = 0;
  let whole = false;
  try {
    for (;;) {
      const { done, value } = await abortable(signal, reader.read());
      if (done) break;
      size += value.byteLength;
      weigh(value.byteLength);
      if (size > maxBytes) throw new AnswerTooLarge(maxBytes);
      text += decoder.decode(value, { stream: true });
    }
    whole = true;
    return text + decoder.decode();
  } finally {
    // What is left unread must not hold the connection; how the cancelling ends changes nothing any more.
    if (!whole) reader.cancel().catch(() => undefined);
  }
};
