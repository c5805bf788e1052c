import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { everyDeath, inspectStore, processGroup, type EffectLine, type StoreStorage } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { jsonLinesStore } from '../json-lines-store/json-lines-store.ts';
import { bringOrderToEnd } from './json-lines-order.ts';
import { KEY } from './json-lines-run.ts';

const script = join(import.meta.dirname, 'json-lines-process.ts');

// #region crash
function storage(): StoreStorage {
  const folder = mkdtempSync(join(tmpdir(), 'json-lines-'));
  return {
    open: ({ clock }) => jsonLinesStore({ path: join(folder, 'runs.jsonl'), clock }),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

it('TST-3, I1, I4: dies before and after its k-th write, for every k, and nothing is lost or done twice', async () => {
  const points = await everyDeath({
    create: storage,
    live: ({ store, clock, write }) => bringOrderToEnd(store, write, clock),
    // What the rules of every store cannot know: what these runs say.
    async check({ store }) {
      const run = await store.run({ tenant: 'default', run: 'o-1' });
      expect(run).toMatchObject({ status: 'completed', output: { told: 'yes', thanked: 'sent' } });
    },
  });
  expect(points.size).toBeGreaterThan(20);
}, 60_000);
// #endregion crash

describe('a process that is ended with SIGKILL', () => {
  it.each([
    'before-commit:1',
    'after-commit:4',
    'after-start:2',
    'after-claim:2',
    'before-outcome:charge',
    'after-outcome:charge',
    'before-outcome:ship',
    'after-signal',
    'before-outcome:mail',
  ])('TST-3, I1, I4: %s, and the next process finds the file as it was answered, and goes on', async (point) => {
    const folder = mkdtempSync(join(tmpdir(), 'json-lines-'));
    const path = join(folder, 'runs.jsonl');
    const lines: EffectLine[] = [];
    const processes = processGroup();
    const live = (env: Record<string, string>) =>
      processes.start({
        name: 'order',
        script,
        args: [path, 'order'],
        execArgv: ['--conditions=@prusik/source'],
        env,
        onLine: (line) => lines.push(line),
      });
    try {
      expect(await live({ CRASH_POINT: point }).ended).toMatchObject({ signal: 'SIGKILL' });
      const second = live({});
      expect(await second.ended, second.output).toMatchObject({ code: 0 });

      const store = jsonLinesStore({ path });
      const { violations, completed, inDoubt } = await inspectStore(store, { lines });
      await store[Symbol.asyncDispose]();
      expect(violations).toEqual([]);
      expect(completed).toBe(3);
      expect(inDoubt).toBe(point === 'before-outcome:ship' ? 1 : 0);
    } finally {
      await processes[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    }
  });

  it('TST-3, I1: what was answered is there after SIGKILL, whenever it comes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'json-lines-'));
    const path = join(folder, 'runs.jsonl');
    const processes = processGroup();
    try {
      for (const [life, answers] of [1, 3, 7, 12].entries()) {
        const args = [path, 'disk', '1000'];
        const one = processes.start({ name: `life ${life}`, script, args, execArgv: ['--conditions=@prusik/source'] });
        while (one.output.split('\n').length <= answers + 1) await new Promise((resolve) => setTimeout(resolve, 1));
        one.kill();
        expect(await one.ended).toMatchObject({ signal: 'SIGKILL' });

        const answered = Number(one.output.split('\n').at(-2));
        const store = jsonLinesStore({ path });
        const found = (await store.run(KEY))?.seq ?? 0;
        await store[Symbol.asyncDispose]();
        expect(answered).toBeGreaterThan(answers);
        expect(found).toBeGreaterThanOrEqual(answered);
      }
    } finally {
      await processes[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    }
  });
});
