import { Hono } from 'hono';
import { z } from 'zod';
import { RESOURCES, resourceSpec, type Resource } from '../../domain/resources.ts';
import type { Deps } from '../../src/app/deps.ts';
import { createRow, deleteRow, getRow, listRows, updateRow } from '../../src/resources/resources.ts';
import { actorOf, holderOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireWrite } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { pageOf, pageQuery, readPage, writePage } from '../http/paging.ts';
import { fieldsIn, newRowShape, patchShape, rowShape } from './resource-shapes.ts';
import { idParam } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';
import { rowsWork, sendWork } from '../middleware/work.ts';

const SAME_LOOK = 'What belongs to others looks like what does not exist.';

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

const oneResource = (deps: Deps, resource: Resource): Hono<AppEnv> => {
  const { singular, sensitive } = resourceSpec(resource);
  const tags = ['resources'];
  const row = rowShape(resource);
  const note = sensitive ? 'Secret material is never answered.' : '';
  const app = new Hono<AppEnv>();

  app.get(
    '/',
    describe({
      summary: `List ${resource}: own rows and those of the own teams, newest first`,
      description: note,
      tags,
      success: { status: 200, description: 'One page.', schema: pageOf(row) },
      errors: ['invalid_cursor'],
    }),
    validate('query', z.strictObject(pageQuery)),
    async (c) => {
      const holder = holderOf(c);
      const page = await listRows(deps, actorOf(c), resource, readPage(deps, c, holder, resource));
      const body = JSON.stringify(writePage(deps, page, (item) => item, holder, resource));
      sendWork(c, c.get('work'), body.length);
      return c.body(body, 200, { 'content-type': 'application/json' });
    },
  );

  app.post(
    '/',
    requireWrite(),
    describe({
      summary: `Create a ${singular}`,
      description: 'With `team_id`, a row of that team, which takes membership.',
      tags,
      success: { status: 201, description: 'Created.', schema: row, headers: { location: 'Where it is.' } },
      errors: ['not_found'],
    }),
    validate('json', newRowShape(resource)),
    async (c) => {
      const body: Readonly<Record<string, unknown>> = c.req.valid('json');
      const created = await createRow(deps, actorOf(c), resource, {
        teamId: textOrNull(body['team_id']),
        fields: fieldsIn(resource, body),
        secret: textOrNull(body['secret']),
      });
      c.header('location', `/api/resources/${resource}/${created.id}`);
      return c.json(created, 201);
    },
  );

  app.get(
    '/:id',
    describe({
      summary: `Show a ${singular}`,
      description: `${SAME_LOOK} ${note}`.trim(),
      tags,
      success: { status: 200, description: 'The row.', schema: row },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    async (c) => c.json(await getRow(deps, actorOf(c), resource, c.req.valid('param').id)),
  );

  app.patch(
    '/:id',
    requireWrite(),
    describe({
      summary: `Change a ${singular}`,
      description: 'What is absent stays; null clears. A row does not move between teams.',
      tags,
      success: { status: 200, description: 'The row as it is now.', schema: row },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    validate('json', patchShape(resource)),
    async (c) => {
      const body: Readonly<Record<string, unknown>> = c.req.valid('json');
      const secret = body['secret'];
      const changed = await updateRow(deps, actorOf(c), resource, c.req.valid('param').id, {
        fields: fieldsIn(resource, body),
        ...(secret === undefined ? {} : { secret: textOrNull(secret) }),
      });
      return c.json(changed);
    },
  );

  app.delete(
    '/:id',
    requireWrite(),
    describe({
      summary: `Delete a ${singular}`,
      description: 'A team’s row is deleted by its author or an admin of the team.',
      tags,
      success: { status: 204, description: 'Deleted.' },
      errors: ['not_found', 'forbidden'],
    }),
    validate('param', idParam),
    async (c) => {
      await deleteRow(deps, actorOf(c), resource, c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  return app;
};

/** Mounted at /api/resources: one set of routes for each row of the resources table. */
export const resourceRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps, rowsWork));
  for (const resource of RESOURCES) app.route(`/${resource}`, oneResource(deps, resource));
  return app;
};
