/** A directive of a rendered configuration with what stands in its braces. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  readonly block: readonly Directive[] | null;
}

/** Words and signs; a quoted text is one word, without its quotes, and a comment is none. */
const TOKEN = /#[^\n]*|"(?:[^"\\]|\\.)*"|'[^']*'|[{};]|(?:\\.|[^\s{};"'\\]|\$\{)+/g;

/** Reads a configuration as nginx does: what it has in comments counts for nothing. @throws Error for loose braces */
export const readNginx = (text: string): readonly Directive[] => {
  const tokens = (text.match(TOKEN) ?? []).filter((token) => !token.startsWith('#'));
  let at = 0;
  const block = (isInner: boolean): Directive[] => {
    const found: Directive[] = [];
    let words: string[] = [];
    for (;;) {
      const token = tokens[at];
      at += 1;
      if (token === undefined || token === '}') {
        if (isInner !== (token === '}') || words.length > 0)
          throw new Error(`loose end after ${words.join(' ')}`);
        return found;
      }
      if (token !== '{' && token !== ';') {
        words.push(/^["']/.test(token) ? token.slice(1, -1) : token);
        continue;
      }
      const [name = '', ...args] = words;
      words = [];
      found.push({ name, args, block: token === '{' ? block(true) : null });
    }
  };
  return block(false);
};

/** The directives of one name. */
export const named = (directives: readonly Directive[], name: string): readonly Directive[] =>
  directives.filter((one) => one.name === name);

/** Each directive without braces as `name arg arg`. */
export const linesOf = (directives: readonly Directive[]): readonly string[] =>
  directives.filter(({ block }) => block === null).map(({ name, args }) => [name, ...args].join(' '));

/** The inside of the one directive of a name and, where given, of these arguments. @throws Error when there are others or none */
export const blockOf = (
  directives: readonly Directive[],
  name: string,
  args?: string,
): readonly Directive[] => {
  const found = named(directives, name).filter((one) => args === undefined || one.args.join(' ') === args);
  if (found.length !== 1 || found[0]?.block === null || found[0] === undefined)
    throw new Error(`${found.length} of ${name} ${args ?? ''}`);
  return found[0].block;
};
