import { expect, it } from 'vitest';
import { renderAcceptedRestore } from './accepted-restore.ts';

it('X-53 says that tokens, people and memberships are back as well, which no peer proves', () => {
  const text = renderAcceptedRestore({
    status: 'current',
    epoch: 12,
    published_epoch: 12,
    questionable_grants: [],
    more_grants: false,
  });
  expect(text).toContain('No grant is in force');
  for (const command of ['mosaic user list', 'mosaic token list', 'mosaic team list'])
    expect(text).toContain(command);
});
