import { describe, expect, it } from 'vitest';
import { codeFiles, readText } from './repository.ts';

/**
 * What a module keeps for itself is found by whoever imports it, whichever gateway they belong to: `wire` and `assemble` make what is
 * shared, and hand it on. Each exception is of no gateway, and says why.
 */
const ARGUED: Readonly<Record<string, string>> = {
  'src/outbound/client/circuit.ts loading': 'a library that is loaded by the first call',
  'src/runtimes/deno/main.ts isAsked': 'a program’s own, not a module’s',
  'src/runtimes/deno/main.ts stop': 'the same',
  'src/runtimes/node/boot/lean.ts isHooked': 'the loader of this process has one hook',
  'src/runtimes/node/front/handshake-bound.ts lastGiven':
    'OpenSSL tells of a connection without saying of which, one at a time',
  'db/sql/read.ts texts': 'a statement is known by the identity of its text, and its texts depend on nothing',
  'src/runtimes/node/step-ca/provisioner-keys.ts begun':
    'begun before anything is put together, while modules load',
  'src/runtimes/node/front/tls-peers.ts peers':
    'stands for a field of a socket, which a listener and a handler share',
};

const STATE =
  /^(?:export )?(?:const (\w+)[^=]*= new (?:Weak)?(?:Map|Set|Ref|LRUCache)\b(?:<[^(]*>)?\((?!\[|\w)|let (\w+))/gm;

describe('what modules keep', () => {
  it('is what is argued here, and nothing else', () => {
    const found = codeFiles()
      .filter(
        (path) =>
          /^(?:src|routes|domain|db|ca)\//.test(path) && !/\.(?:test|testkit|contract)\.ts$/.test(path),
      )
      .flatMap((path) =>
        Array.from(readText(path).matchAll(STATE), ([, name, other]) => `${path} ${name ?? other ?? ''}`),
      )
      .filter((found) => /[a-z]\w*$/.test(found) && !/ [A-Z_]+$/.test(found));
    expect(found.toSorted()).toEqual(Object.keys(ARGUED).toSorted());
  });
});
