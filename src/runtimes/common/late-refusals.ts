/** How late a 429 is answered, in milliseconds. */
const LATE_MS = 100;
/** As many wait at once; what comes beyond is answered at once, so that nobody fills a gateway with them. */
const MOST_LATE = 1_024;

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LATE_MS));

type Handler<Env> = (request: Request, env: Env) => Response | Promise<Response>;

/**
 * Answers of a listener with status 429 leave a little late. Who asks again as soon as it is answered, and is far beyond its limit, makes a
 * gateway refuse thousands of times a second on a few connections, which is felt by everybody (FAULTS F-6, F-19); this way
 * each connection makes it refuse ten times. Nothing is held meanwhile but the answer. Who follows `Retry-After`, which is a second at
 * least, loses nothing by it.
 *
 * @param wait resolves when an answer has waited for long enough
 * @returns what wraps a handler
 */
export const createLateRefusals = (
  wait: () => Promise<void> = later,
  most: number = MOST_LATE,
): (<Env>(handler: Handler<Env>) => Handler<Env>) => {
  let waiting = 0;
  const hold = async (answer: Response): Promise<Response> => {
    waiting += 1;
    await wait();
    waiting -= 1;
    return answer;
  };
  const pass = (answer: Response): Response | Promise<Response> =>
    answer.status === 429 && waiting < most ? hold(answer) : answer;
  return (handler) => (request, env) => {
    const answer = handler(request, env);
    return answer instanceof Promise ? answer.then(pass) : pass(answer);
  };
};
