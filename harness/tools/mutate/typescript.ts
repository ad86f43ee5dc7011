import { parseSync } from 'oxc-parser';
import { sqlChanges } from './sql.ts';
import type { Change } from './mutation.ts';

/* Mutators of TypeScript, over the syntax tree: conditions, comparisons, operators, literals, patterns, statements. */

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '==': ['!='],
  '!=': ['=='],
};
const ARITHMETIC: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '&': '|',
  '|': '&',
  '^': '&',
  '<<': '>>',
  '>>': '<<',
  '+=': '-=',
  '-=': '+=',
  '|=': '&=',
};
const METHODS: Readonly<Record<string, string>> = {
  every: 'some',
  some: 'every',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
  min: 'max',
  max: 'min',
};
/** Calls that can be left out of a chain without another type coming out. */
const DROPPED = ['filter', 'toSorted', 'slice', 'trim', 'toLowerCase', 'subarray'];

/** Texts for people, which no guard decides by; the messages have tests of their own. */
const PROSE_KEYS = ['detail', 'message', 'expected', 'description', 'remedy', 'title', 'name'];
const PROSE_CALLS =
  /^(?:new )?(?:\w*Error|failure|unavailable|misissued|describe|guard|log|warn|info|error)$/;

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

const childrenOf = (node: Node): readonly Node[] =>
  Object.values(node).flatMap((value) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );

const calleeName = (node: Node): string => {
  const callee = node['callee'];
  if (!isNode(callee)) return '';
  const property = callee['property'];
  const name = callee.type === 'MemberExpression' && isNode(property) ? property['name'] : callee['name'];
  return typeof name === 'string' ? name : '';
};

/** Subtrees that hold no behaviour, or only text for people. */
const isSkipped = (node: Node, parent: Node | null): boolean => {
  if (
    node.type.startsWith('TS') &&
    !['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression'].includes(node.type)
  )
    return true;
  if (['ImportDeclaration', 'ExportAllDeclaration'].includes(node.type)) return true;
  if (parent?.type === 'Property' && node === parent['value']) {
    const key = parent['key'];
    const name = isNode(key) ? key['name'] : undefined;
    return typeof name === 'string' && PROSE_KEYS.includes(name) && /Literal/.test(node.type);
  }
  return false;
};

const isProse = (parent: Node | null): boolean =>
  (parent?.type === 'CallExpression' || parent?.type === 'NewExpression') &&
  PROSE_CALLS.test(calleeName(parent)) &&
  // The code of an error that clients see is behaviour.
  calleeName(parent) !== 'MosaicError';

const numberText = (value: number): string => String(Math.abs(value) < 256 ? value + 1 : value * 10);

/** Loosened or shortened patterns: an anchor less, a bound more. */
const patternChanges = (node: Node, source: string): Change[] => {
  const text = source.slice(node.start, node.end);
  const last = text.lastIndexOf('/');
  const make = (at: number, length: number, replacement: string): Change => ({
    mutator: 'pattern',
    start: node.start + at,
    end: node.start + at + length,
    replacement,
  });
  const changes: Change[] = [];
  if (text.startsWith('/^')) changes.push(make(1, 1, ''));
  if (text.slice(0, last).endsWith('$')) changes.push(make(last - 1, 1, ''));
  for (const match of text.matchAll(/\{(\d+)(?:,(\d+))?\}/g))
    changes.push(make(match.index, match[0].length, '*'));
  for (const match of text.matchAll(/(?<=[\])])\+/g)) changes.push(make(match.index, 1, '*'));
  return changes;
};

const ofOperator = (
  node: Node,
  source: string,
  table: Readonly<Record<string, string | readonly string[]>>,
  mutator: string,
): Change[] => {
  const [left, right, operator] = [node['left'], node['right'], node['operator']];
  if (!isNode(left) || !isNode(right) || typeof operator !== 'string') return [];
  const found = table[operator];
  if (found === undefined) return [];
  // A sum with a text in it has no difference.
  const texts = [left, right].some(
    ({ type, value }) => type === 'TemplateLiteral' || typeof value === 'string',
  );
  if (operator === '+' && texts) return [];
  const start = left.end + source.slice(left.end, right.start).indexOf(operator);
  return [found].flat().map((replacement) => ({ mutator, start, end: start + operator.length, replacement }));
};

const ofLogical = (node: Node, source: string): Change[] => {
  const [left, right, operator] = [node['left'], node['right'], node['operator']];
  if (!isNode(left) || !isNode(right)) return [];
  const whole = { start: node.start, end: node.end };
  const only = [left, right].map((side) => ({
    mutator: 'drop-operand',
    ...whole,
    replacement: `(${source.slice(side.start, side.end)})`,
  }));
  if (operator === '??') return only;
  const at = left.end + source.slice(left.end, right.start).indexOf(String(operator));
  return [
    ...only,
    { mutator: 'logical', start: at, end: at + 2, replacement: operator === '&&' ? '||' : '&&' },
  ];
};

const ofCondition = (test: unknown): Change[] =>
  isNode(test)
    ? ['true', 'false'].map((replacement) => ({
        mutator: 'condition',
        start: test.start,
        end: test.end,
        replacement,
      }))
    : [];

const ofCall = (node: Node): Change[] => {
  const callee = node['callee'];
  if (!isNode(callee) || callee.type !== 'MemberExpression') return [];
  const [property, object] = [callee['property'], callee['object']];
  if (!isNode(property) || !isNode(object)) return [];
  const name = String(property['name']);
  const other = METHODS[name];
  if (other !== undefined)
    return [{ mutator: 'method', start: property.start, end: property.end, replacement: other }];
  return DROPPED.includes(name)
    ? [{ mutator: 'drop-call', start: object.end, end: node.end, replacement: '' }]
    : [];
};

const ofLiteral = (node: Node, parent: Node | null, source: string): Change[] => {
  const { value } = node;
  const whole = { start: node.start, end: node.end };
  if (node['regex'] !== undefined && node['regex'] !== null) return patternChanges(node, source);
  if (typeof value === 'boolean') return [{ mutator: 'boolean', ...whole, replacement: String(!value) }];
  if (typeof value === 'number') return [{ mutator: 'number', ...whole, replacement: numberText(value) }];
  const isKey =
    (parent?.type === 'Property' && parent['key'] === node) || parent?.type === 'ExpressionStatement';
  // What has a space in it is a text for people; of SQL see `sqlWithin`.
  if (typeof value !== 'string' || isKey || isProse(parent) || value.includes(' ')) return [];
  return [{ mutator: 'text', ...whole, replacement: value === '' ? "'mutated'" : "''" }];
};

const changesOf = (node: Node, parent: Node | null, source: string): Change[] => {
  switch (node.type) {
    case 'IfStatement':
    case 'ConditionalExpression':
      return ofCondition(node['test']);
    case 'BinaryExpression':
      return [
        ...ofOperator(node, source, COMPARISONS, 'comparison'),
        ...ofOperator(node, source, ARITHMETIC, 'arithmetic'),
      ];
    case 'AssignmentExpression':
      return ofOperator(node, source, ARITHMETIC, 'arithmetic');
    case 'LogicalExpression':
      return ofLogical(node, source);
    case 'UnaryExpression':
      return node['operator'] === '!'
        ? [{ mutator: 'negation', start: node.start, end: node.start + 1, replacement: '' }]
        : [];
    case 'Literal':
      return ofLiteral(node, parent, source);
    case 'CallExpression':
      return ofCall(node);
    case 'ExpressionStatement':
      return node['directive'] === undefined || node['directive'] === null
        ? [{ mutator: 'drop-statement', start: node.start, end: node.end, replacement: ';' }]
        : [];
    default:
      return [];
  }
};

const sqlWithin = (source: string, { start, end }: Node): Change[] =>
  sqlChanges(source.slice(start, end)).map((change) => ({
    ...change,
    start: change.start + start,
    end: change.end + start,
  }));

/** A template in a file of the database is a statement, or part of one. */
const ofTemplate = (node: Node, source: string): Change[] => {
  const quasis = node['quasis'];
  return Array.isArray(quasis) ? quasis.filter(isNode).flatMap((quasi) => sqlWithin(source, quasi)) : [];
};

/**
 * Every small change of a TypeScript file.
 *
 * @param isDatabase whether its template texts are SQL
 * @throws Error when the file does not parse
 */
export const typescriptChanges = (file: string, source: string, isDatabase: boolean): readonly Change[] => {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0]?.message}`);
  const changes: Change[] = [];
  const visit = (node: Node, parent: Node | null): void => {
    if (isSkipped(node, parent)) return;
    changes.push(...changesOf(node, parent, source));
    if (isDatabase && node.type === 'TemplateLiteral') changes.push(...ofTemplate(node, source));
    if (isDatabase && typeof node['value'] === 'string' && node.type === 'Literal')
      changes.push(...sqlWithin(source, node));
    for (const child of childrenOf(node)) visit(child, node);
  };
  visit(program as unknown as Node, null);
  return changes;
};

/** Whether a changed text is still a program; what is not would prove nothing by failing. */
export const isProgram = (file: string, source: string): boolean =>
  parseSync(file, source).errors.length === 0;
