import { memoryStore } from '@prusik/store-memory';
import { expect, it } from 'vitest';
import type { EngineWarning } from '../src/index.ts';
import { durable, engineOn, gate, key } from './support.ts';

it('EVT-4: more text at once than one write holds is written in portions, and keeps nobody’s text from being written', async () => {
  const store = memoryStore();
  const warnings: EngineWarning[] = [];
  const end = gate();
  const said = Promise.withResolvers<void>();
  store.watchLiveText(key('quiet'), said.resolve);
  // Each of these is six bytes of JSON text.
  const flood = durable('flood', async (ctx) => {
    await Promise.all(
      Array.from({ length: 60 }, (_one, n) =>
        ctx.step(`s${n}`, ({ delta }) => {
          delta('\u0001'.repeat(65_000));
          return end.opened;
        }),
      ),
    );
  });
  const quiet = durable('quiet', (ctx) =>
    ctx.step('s', ({ delta }) => {
      delta('hello');
      return end.opened;
    }),
  );
  const engine = engineOn(store, [flood, quiet], { warnings });
  const runs = [engine.run('flood', null, { id: 'flood' }), engine.run('quiet', null, { id: 'quiet' })];

  await said.promise;
  expect(await store.liveText(key('quiet'), [])).toMatchObject([{ text: 'hello' }]);
  expect(warnings).toEqual([]);
  end.open();
  for (const run of runs) expect(await run).toMatchObject({ status: 'completed' });
});
