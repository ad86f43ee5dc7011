import { parseSync } from 'oxc-parser';
import { HOST_NAMES } from './boundaries.ts';

/** One thing a source file refers to outside itself. */
export interface Reference {
  readonly kind: 'import' | 'computed' | 'host' | 'unparsable';
  readonly text: string;
  readonly line: number;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/** Where an identifier is only a name of something else, not a reference to a variable. */
const NAME_POSITIONS = new Set([
  'ImportSpecifier.imported',
  'ExportSpecifier.exported',
  'ExportAllDeclaration.exported',
  'MetaProperty.meta',
  'MetaProperty.property',
  'TSQualifiedName.right',
  'TSImportType.qualifier',
  'TSEnumMember.id',
]);
const KEYED = new Set([
  'MemberExpression.property',
  'Property.key',
  'PropertyDefinition.key',
  'AccessorProperty.key',
  'MethodDefinition.key',
  'TSPropertySignature.key',
  'TSMethodSignature.key',
]);
const MODULE_SOURCES = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
]);

/** Imports of every kind (static, re-export, type, dynamic) and uses of names that one runtime alone has. */
export function readReferences(path: string, source: string): Reference[] {
  const { program, comments, errors } = parseSync(path, source);
  const found: Reference[] = [];
  const add = (kind: Reference['kind'], text: string, at: number) =>
    void found.push({ kind, text, line: source.slice(0, at).split('\n').length });

  for (const error of errors) add('unparsable', error.message, error.labels[0]?.start ?? 0);
  for (const { value, start } of comments) {
    if (/^\/\s*<reference\b/.test(value)) add('host', 'a triple-slash reference', start);
  }

  const visit = (node: Node, parent: Node | undefined, key: string): void => {
    if (MODULE_SOURCES.has(node.type)) readSource(node, add);
    if (node.type === 'TSExternalModuleReference') add('computed', 'import = require()', node.start);
    if (node.type === 'Identifier') readIdentifier(node, parent, key, add);
    if (node.type === 'MetaProperty' && nameOf(node['meta']) === 'import')
      add('host', 'import.meta', node.start);
    for (const [childKey, child] of Object.entries(node)) {
      for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) visit(one, node, childKey);
    }
  };
  visit(program as unknown as Node, undefined, '');
  return found;
}

type Add = (kind: Reference['kind'], text: string, at: number) => void;

function readSource(node: Node, add: Add): void {
  const source = node['source'];
  if (!isNode(source)) return;
  const literal = literalOf(source);
  if (literal === undefined) add('computed', 'import()', node.start);
  else add('import', literal, node.start);
}

function readIdentifier(node: Node, parent: Node | undefined, key: string, add: Add): void {
  const position = `${parent?.type ?? ''}.${key}`;
  if (NAME_POSITIONS.has(position)) return;
  if (KEYED.has(position) && parent?.['computed'] !== true) return;
  const name = String(node['name']);
  if (HOST_NAMES.includes(name)) add('host', name, node.start);
  if (name !== 'globalThis') return;
  // `globalThis.crypto` is fine; `globalThis.process`, `globalThis[x]` and handing it on are ways round.
  const member = parent?.type === 'MemberExpression' && key === 'object' ? parent : undefined;
  const property = member?.['property'];
  const plain = isNode(property) && member?.['computed'] !== true ? nameOf(property) : undefined;
  if (plain === undefined || HOST_NAMES.includes(plain))
    add('host', `globalThis (${plain ?? 'as a value'})`, node.start);
}

function literalOf(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node['value'] === 'string') return node['value'];
  if (node.type !== 'TemplateLiteral' || !Array.isArray(node['quasis']) || node['quasis'].length !== 1)
    return undefined;
  return (node['quasis'][0] as { value: { cooked: string } }).value.cooked;
}

function nameOf(node: unknown): string | undefined {
  return isNode(node) && typeof node['name'] === 'string' ? node['name'] : undefined;
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}
