import { readTool, runTool } from './tools.ts';

/** Both projects: everything with Node's types, and the portable part with no host's types at all. */
const codes = ['tsconfig.json', 'tsconfig.portable.json'].map((project) =>
  runTool('typescript', 'tsc', ['-p', project, '--pretty', 'false']),
);

// A dependency that pulls Node's types in would make every `process` of the portable part compile.
const leaked = readTool('typescript', 'tsc', ['-p', 'tsconfig.portable.json', '--listFilesOnly'])
  .split('\n')
  .filter((path) =>
    /node_modules\/(@types\/(node|bun|deno)|bun-types|@cloudflare\/workers-types)\//.test(path),
  );
if (leaked.length > 0) {
  console.error(`tsconfig.portable.json sees the types of one host:\n${leaked.slice(0, 5).join('\n')}`);
}

process.exitCode = Math.max(...codes, leaked.length > 0 ? 1 : 0);
