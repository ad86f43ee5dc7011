import { html } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import { ERROR_CATALOGUE } from '../../domain/errors.ts';
import type { Json, JsonObject } from './schemas.ts';

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly body: JsonObject;
}

const object = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
const list = (value: Json | undefined): readonly Json[] =>
  Array.isArray(value) ? (value as readonly Json[]) : [];
const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

const operationsOf = (document: JsonObject): readonly Operation[] =>
  Object.entries(object(document['paths'])).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const body = object(item)[method];
      return body === undefined ? [] : [{ method: method.toUpperCase(), path, body: object(body) }];
    }),
  );

interface Tag {
  readonly name: string;
  readonly about: string;
}

const tagOfOperation = ({ body }: Operation): string => text(list(body['tags'])[0]);

const securityOf = ({ body }: Operation): string => {
  const scheme = Object.keys(object(list(body['security'])[0]))[0];
  return scheme === 'bearer' ? 'Bearer token' : scheme === 'mutualTLS' ? 'Client certificate' : 'Open';
};

/** A sentence in which what stands between backticks is code. */
const prose = (value: Json | undefined): readonly (string | Html)[] =>
  text(value)
    .split(/`([^`]+)`/)
    .map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`));

/** JSON to read, in which a reference to a shared schema is a link to it. */
const jsonBlock = (value: Json | undefined): Html => {
  const parts = JSON.stringify(value, null, 2).split(/"#\/components\/schemas\/(\w+)"/);
  const shown = parts.map((part, index) =>
    index % 2 === 0 ? part : html`<a href="#schema-${part}">${part}</a>`,
  );
  return html`<pre>${shown}</pre>`;
};

const schemaBlock = (title: string, schema: Json | undefined): Html | '' =>
  schema === undefined
    ? ''
    : html`<h4>${title}</h4>
        ${jsonBlock(schema)}`;

const plain = (value: Json | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

const schemaText = (schema: JsonObject): string => {
  const { type, format, enum: values, minimum, maximum, default: fallback } = schema;
  const range = minimum === undefined ? '' : `${text(type)} from ${plain(minimum)} to ${plain(maximum)}`;
  const kind =
    values === undefined ? range || text(format) || text(type) : list(values).map(plain).join(' | ');
  return fallback === undefined ? kind : `${kind}; default ${plain(fallback)}`;
};

const parameterRow = (value: Json): Html => {
  const parameter = object(value);
  return html`<tr>
    <td><code>${text(parameter['name'])}</code></td>
    <td class="soft">${text(parameter['in'])}${parameter['required'] === true ? ', required' : ''}</td>
    <td><code>${schemaText(object(parameter['schema']))}</code></td>
    <td>${prose(parameter['description'])}</td>
  </tr>`;
};

const responseRow = ([status, value]: readonly [string, Json]): Html => {
  const response = object(value);
  const types = Object.keys(object(response['content'])).join(', ');
  return html`<tr>
    <td><code>${status}</code></td>
    <td>${prose(response['description'])}</td>
    <td class="soft">${types}</td>
  </tr>`;
};

const jsonSchemaOf = (value: Json | undefined): Json | undefined =>
  object(object(object(value)['content'])['application/json'])['schema'];

const operationBlock = (operation: Operation): Html => {
  const { method, path, body } = operation;
  const parameters = list(body['parameters']);
  const responses = Object.entries(object(body['responses']));
  const success = responses.find(([status]) => status.startsWith('2'))?.[1];
  return html`<details id="${text(body['operationId'])}">
    <summary>
      <span class="verb">${method}</span> <code>${path}</code>
      <span class="soft">${prose(body['summary'])}</span>
    </summary>
    <div class="body">
      <p>${prose(body['description'])} <span class="soft">${securityOf(operation)}.</span></p>
      ${
        parameters.length === 0
          ? ''
          : html`<h4>Parameters</h4>
              <div class="wide">
                <table>
                  ${parameters.map(parameterRow)}
                </table>
              </div>`
      }
      ${schemaBlock('Body', jsonSchemaOf(body['requestBody']))}
      ${schemaBlock('Answer', jsonSchemaOf(success))}
      <h4>Statuses</h4>
      <div class="wide">
        <table>
          ${responses.map(responseRow)}
        </table>
      </div>
    </div>
  </details>`;
};

const section = ({ name: tag, about }: Tag, blocks: readonly Html[]): Html =>
  html`<section>
    <h2 id="${tag}">${tag}</h2>
    <p class="soft">${about}</p>
    ${blocks}
  </section>`;

const componentBlock = ([name, schema]: readonly [string, Json]): Html =>
  html`<details id="schema-${name}">
    <summary><code>${name}</code></summary>
    <div class="body">${jsonBlock(schema)}</div>
  </details>`;

const errorRows = (): readonly Html[] =>
  Object.entries(ERROR_CATALOGUE).map(
    ([code, { status, title, remedy }]) =>
      html`<tr id="error-${code}">
        <td><code>${status}</code></td>
        <td><code>${code}</code></td>
        <td>${prose(title)} <span class="soft">${prose(remedy)}</span></td>
      </tr>`,
  );

/**
 * The OpenAPI document as one page for people: no script, its style from `stylePath`. Every value is escaped. A step for each operation and
 * schema.
 */
export function* docsSteps(
  document: JsonObject,
  stylePath: string,
  documentPath: string,
): Generator<void, Html> {
  const operations = operationsOf(document);
  const tags = list(document['tags']).map((value): Tag => {
    const { name, description } = object(value);
    return { name: text(name), about: text(description) };
  });
  const sections = [...tags.map(({ name }) => name), 'schemas', 'errors'];
  const info = object(document['info']);
  const blocks = new Map<string, Html[]>(tags.map(({ name }) => [name, []]));
  for (const operation of operations) {
    blocks.get(tagOfOperation(operation))?.push(operationBlock(operation));
    yield;
  }
  const components: Html[] = [];
  for (const component of Object.entries(object(object(document['components'])['schemas']))) {
    components.push(componentBlock(component));
    yield;
  }
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${text(info['title'])}: API</title>
        <link rel="stylesheet" href="${stylePath}" />
      </head>
      <body>
        <main>
          <h1>${text(info['title'])}</h1>
          <p class="soft">
            Version ${text(info['version'])}. ${prose(info['description'])}
            <a href="${documentPath}">openapi.json</a>
          </p>
          <nav aria-label="Sections">
            <ul>
              ${sections.map((tag) => html`<li><a href="#${tag}">${tag}</a></li>`)}
            </ul>
          </nav>
          ${tags.map((tag) => section(tag, blocks.get(tag.name) ?? []))}
          <section>
            <h2 id="schemas">schemas</h2>
            ${components}
          </section>
          <section>
            <h2 id="errors">errors</h2>
            <div class="wide">
              <table>
                ${errorRows()}
              </table>
            </div>
          </section>
        </main>
      </body>
    </html>`;
}
