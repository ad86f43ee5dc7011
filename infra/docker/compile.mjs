// Imported before a first start while the image is built: every part of the bundle, so that the engine's cache has those, too,
// which that start does not need.
import { readdirSync } from 'node:fs';

const bundle = new URL('../../dist/bundle/', import.meta.url);
for (const name of readdirSync(bundle)) {
  if (/^part-.*\.js$/.test(name)) await import(new URL(name, bundle).href);
}
