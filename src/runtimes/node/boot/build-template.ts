/** `node src/runtimes/node/boot/build-template.ts <root of the compiled package>`: the template that the package ships. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildTemplate } from '../../../../db/template.ts';
import { SHIPPED_TEMPLATE } from './template.ts';

const [, , root] = process.argv;
if (root === undefined) throw new Error('name the folder of the compiled package');
const path = join(root, SHIPPED_TEMPLATE);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, await buildTemplate());
