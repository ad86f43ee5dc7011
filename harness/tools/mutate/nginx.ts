import type { Change } from './mutation.ts';

/* Mutators of an nginx configuration as text: a directive less, another upstream, on for off, a pattern without its anchor. */

const SWAPS: readonly (readonly [RegExp, string, string])[] = [
  [/http:\/\/mosaic_public\b/g, 'http://mosaic_federation', 'nginx-upstream'],
  [/http:\/\/mosaic_federation\b/g, 'http://mosaic_public', 'nginx-upstream'],
  [/(?<= )off(?=;)/g, 'on', 'nginx-switch'],
  [/(?<= )on(?=;)/g, 'off', 'nginx-switch'],
  [/\$mosaic_client_cert(?=;)/g, '$http_client_cert', 'nginx-variable'],
  [/(?<=proxy_set_header [\w-]+ )""(?=;)/g, '$http_client_cert', 'nginx-variable'],
  [/(?<=")~\^/g, '~', 'nginx-pattern'],
  [/\$(?=[";])(?<=[)}|a-z]\$)/g, '', 'nginx-pattern'],
  [/(?<= )(?:0|1)(?=;)/g, '', 'nginx-flag'],
  [/(?<=return )\d{3}/g, '200', 'nginx-status'],
];

/** Every small change of a configuration. Comments and the names of places are left alone. */
export const nginxChanges = (text: string): readonly Change[] => {
  const changes: Change[] = [];
  let at = 0;
  for (const line of text.split('\n')) {
    const body = line.trim();
    const isPlace = /^@\w+@$/.test(body);
    if (!body.startsWith('#') && body !== '') {
      if (body.endsWith(';') || isPlace)
        changes.push({ mutator: 'nginx-drop-line', start: at, end: at + line.length, replacement: '' });
      for (const [pattern, replacement, mutator] of SWAPS)
        for (const match of line.matchAll(pattern)) {
          const other = mutator === 'nginx-flag' ? (match[0] === '0' ? '1' : '0') : replacement;
          changes.push({
            mutator,
            start: at + match.index,
            end: at + match.index + match[0].length,
            replacement: other,
          });
        }
      for (const match of body.endsWith(';') ? line.matchAll(/(?<= )\d+(?=[smk]?[ ;])/g) : [])
        changes.push({
          mutator: 'nginx-number',
          start: at + match.index,
          end: at + match.index + match[0].length,
          replacement: String(Number(match[0]) * 10 + 1),
        });
    }
    at += line.length + 1;
  }
  return changes;
};
