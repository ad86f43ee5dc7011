import { createFlights } from './flights.ts';

export const LONG_MS = 10_000;
export const never = new AbortController().signal;
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Calls that are answered by hand, each with its number. */
export const peer = () => {
  const flights = createFlights();
  const calls: { readonly answer: () => void; readonly fail: () => void; isGivenUp: boolean }[] = [];
  const ask = (signal = never, key = 'question') =>
    flights.gather(key, { signal }, LONG_MS, (deadline) => {
      const number = calls.length + 1;
      return new Promise<number>((resolve, reject) => {
        const call = {
          answer: () => resolve(number),
          fail: () => reject(new Error('failed')),
          isGivenUp: false,
        };
        deadline.signal.addEventListener('abort', () => (call.isGivenUp = true));
        calls.push(call);
      });
    });
  return { calls, ask, open: flights.open };
};
