import { memoryStorage, queryAs } from '../../testing/database.testkit.ts';
import { describeReader } from '../../testing/reader.contract.ts';

describeReader('PGlite', async () => {
  const storage = await memoryStorage();
  return {
    storage,
    raw: (text, params) => queryAs(storage.client, 'postgres', text, params),
    close: () => storage.close(),
  };
});
