/** Rules of OpenAPI 3.1 that say something about a document made from code. */
type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
const SHARED = '#/components/schemas/';

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const object = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
const list = (value: Json | undefined): readonly Json[] =>
  Array.isArray(value) ? (value as readonly Json[]) : [];
const text = (value: Json | undefined): string => (typeof value === 'string' ? value : JSON.stringify(value));

const duplicatesIn = (values: readonly string[]): readonly string[] =>
  values.filter((value, index) => values.indexOf(value) !== index);

/** Every object of the document, with its place. */
const walk = (value: Json, at: string): readonly (readonly [string, JsonObject])[] => {
  if (Array.isArray(value)) return value.flatMap((item: Json, index) => walk(item, `${at}/${index}`));
  if (!isObject(value)) return [];
  return [
    [at, value],
    ...Object.entries(value).flatMap(([key, item]) => walk(item, `${at}/${key.replaceAll('/', '~1')}`)),
  ];
};

interface Operation {
  readonly name: string;
  readonly path: string;
  readonly body: JsonObject;
}

const parameterFaults = ({ name, path, body }: Operation): readonly string[] => {
  const parameters = list(body['parameters']).map(object);
  const inPath = parameters.filter((one) => one['in'] === 'path').map((one) => text(one['name']));
  const inTemplate = [...path.matchAll(/\{(\w+)\}/g)].map(([, part = '']) => part);
  return [
    ...inTemplate.filter((part) => !inPath.includes(part)).map((part) => `${name}: {${part}} is undeclared`),
    ...inPath
      .filter((part) => !inTemplate.includes(part))
      .map((part) => `${name}: ${part} is not in the path`),
    ...duplicatesIn(parameters.map((one) => `${text(one['in'])} ${text(one['name'])}`)).map(
      (twice) => `${name}: ${twice} is declared twice`,
    ),
    ...parameters
      .filter((one) => !isObject(one['schema']) || (one['in'] === 'path' && one['required'] !== true))
      .map((one) => `${name}: ${text(one['name'])} lacks a schema, or is in the path and not required`),
  ];
};

const answerFaults = ({ name, body }: Operation): readonly string[] => {
  const responses = Object.entries(object(body['responses']));
  return [
    ...(responses.some(([status]) => /^2\d\d$/.test(status)) ? [] : [`${name}: no success`]),
    ...responses.flatMap(([status, response]) => [
      ...(/^[1-5]\d\d$/.test(status) ? [] : [`${name}: ${status} is no status`]),
      ...(typeof object(response)['description'] === 'string' ? [] : [`${name}: ${status} is not described`]),
      ...(status === '204' && isObject(object(response)['content']) ? [`${name}: 204 has a body`] : []),
    ]),
  ];
};

const operationFaults = (operation: Operation, document: JsonObject): readonly string[] => {
  const { name, body } = operation;
  const schemes = object(object(document['components'])['securitySchemes']);
  const tags = list(document['tags']).map((tag) => object(tag)['name']);
  return [
    ...parameterFaults(operation),
    ...answerFaults(operation),
    ...(typeof body['summary'] === 'string' && body['summary'] !== '' ? [] : [`${name}: no summary`]),
    ...list(body['tags'])
      .filter((tag) => !tags.includes(tag))
      .map((tag) => `${name}: tag ${text(tag)} is not described`),
    ...list(body['security'])
      .flatMap((one) => Object.keys(object(one)))
      .filter((scheme) => !Object.hasOwn(schemes, scheme))
      .map((scheme) => `${name}: unknown scheme ${scheme}`),
    ...(/^(GET|DELETE|HEAD)/.test(name) && body['requestBody'] !== undefined ? [`${name}: has a body`] : []),
  ];
};

const operationsOf = (document: JsonObject): readonly Operation[] =>
  Object.entries(object(document['paths'])).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const body = object(item)[method];
      return isObject(body) ? [{ name: `${method.toUpperCase()} ${path}`, path, body }] : [];
    }),
  );

/** What is wrong with a document, in sentences; none for a good one. */
export const openapiFaults = (document: JsonObject): readonly string[] => {
  const operations = operationsOf(document);
  const schemas = object(object(document['components'])['schemas']);
  const refs = walk(document, '#').flatMap(([at, value]) =>
    typeof value['$ref'] === 'string' ? [[at, value['$ref']] as const] : [],
  );
  const used = new Set(refs.map(([, ref]) => ref.replace(SHARED, '')));
  return [
    ...(document['openapi'] === '3.1.0' ? [] : ['not OpenAPI 3.1']),
    ...['title', 'version'].filter((name) => typeof object(document['info'])[name] !== 'string'),
    ...operations.flatMap((operation) => operationFaults(operation, document)),
    ...duplicatesIn(operations.map(({ body }) => text(body['operationId']))).map((id) => `twice: ${id}`),
    ...duplicatesIn(operations.map(({ name }) => name.replaceAll(/\{\w+\}/g, '{}'))).map(
      (one) => `twice: ${one}`,
    ),
    ...refs
      .filter(([, ref]) => !ref.startsWith(SHARED) || !Object.hasOwn(schemas, ref.slice(SHARED.length)))
      .map(([at, ref]) => `${at}: ${ref} is nowhere`),
    ...Object.keys(schemas)
      .filter((name) => !used.has(name) || !/^[\w.-]+$/.test(name))
      .map((name) => `schema ${name} is not used, or has a bad name`),
    ...walk(document, '#').flatMap(([at, value]) =>
      ['$defs', '$schema', 'nullable']
        .filter((key) => Object.hasOwn(value, key) && !at.endsWith('/properties'))
        .map((key) => `${at}: ${key}`),
    ),
  ];
};
