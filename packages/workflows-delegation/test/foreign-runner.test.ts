import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PrusikError } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { inspectStore, scriptedModel } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { childrenOf, engineFor } from './engines.ts';
import { CHAPTER_TOKENS, foreignBook } from './fixtures/foreign-book.ts';
import { foreignWriter } from './fixtures/foreign-writer.ts';

const book = { tenant: 'default', run: 'book' };
const topics = ['knots', 'ropes', 'cliffs'];

describe('an agent that is none of ours', () => {
  it('WFL-1, WFL-6: is called as any agent is, and its usage is charged to the tree', async () => {
    const heard: string[] = [];
    const engine = engineFor([foreignBook((topic) => heard.push(topic))]);

    expect(await engine.run('book', topics, { id: 'book' })).toMatchObject({
      output: ['On knots.', 'On ropes.', 'On cliffs.'],
    });
    expect(heard).toEqual(topics);
    expect((await childrenOf(engine.store, 'book')).map(({ definition }) => definition)).toEqual(
      topics.map(() => 'writer'),
    );
    expect(await engine.store.ledger(book)).toMatchObject({
      used: { calls: 3, tokens: 3 * CHAPTER_TOKENS },
      reserved: { calls: 0, tokens: 0 },
    });
  });

  it('WFL-4: is not asked what the tree has no room for', async () => {
    const heard: string[] = [];
    const engine = engineFor([foreignBook((topic) => heard.push(topic))]);

    // Room for one call, and for nothing beside what that one took.
    const result = await engine.run('book', topics, { id: 'book', budget: { tokens: 110 } });

    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_EXCEEDED', meta: { dimension: 'tokens' } },
    });
    expect(heard).toEqual(['knots']);
  });

  it('WFL-7: is told when its caller is cancelled, in the middle of its model call', async () => {
    const begun = Promise.withResolvers<void>();
    const told: unknown[] = [];
    const model = scriptedModel([
      ({ abortSignal }) => {
        abortSignal?.addEventListener('abort', () => told.push((abortSignal.reason as PrusikError).code));
        begun.resolve();
        return ['On ', { until: new Promise(() => {}) }];
      },
    ]);
    const workflow = defineWorkflow({
      name: 'slow-book',
      input: z.null(),
      agents: { writer: foreignWriter(model) },
      delegation: { tokens: 1_000 },
      run: (ctx) => ctx.agents.writer.run('chapter', { topic: 'knots' }),
    });
    const engine = engineFor([workflow], { parkAfterMs: 5_000 });
    const running = engine.run('slow-book', null, { id: 'book' });
    await begun.promise;
    await engine.cancel(book);

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(told).toEqual(['RUN_CANCELLED']);
    // Nobody knows what a call that was broken off has used.
    expect(await engine.store.ledger(book)).toMatchObject({ used: { tokens: 100 }, reserved: { tokens: 0 } });
  });

  it.each([
    ['before-outcome:generate', 2],
    ['after-outcome:generate', 1],
  ])(
    'WFL-6: is gone on with by another process when its own was killed with SIGKILL %s',
    async (point, calls) => {
      const folder = mkdtempSync(join(tmpdir(), 'foreign-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const path = join(folder, 'runs.db');
      const script = join(import.meta.dirname, 'fixtures', 'foreign-process.ts');
      const first = spawn(process.execPath, ['--conditions=@prusik/source', script, path, ...topics], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, CRASH_POINT: point },
      });
      const heard: string[] = [];
      first.stdout.on('data', (data: Buffer) => heard.push(...data.toString('utf8').trim().split('\n')));
      await once(first, 'close');
      expect(heard).toEqual(['knots']);
      const store = sqliteStore({ path });
      onTestFinished(() => store[Symbol.asyncDispose]());

      const engine = engineFor([foreignBook((topic) => heard.push(topic))], { store });
      const result = await engine.run('book', topics, { id: 'book' });

      expect(result).toMatchObject({ status: 'completed', output: ['On knots.', 'On ropes.', 'On cliffs.'] });
      expect(heard.filter((topic) => topic === 'knots')).toHaveLength(calls);
      expect(await childrenOf(store, 'book')).toHaveLength(3);
      const lost = (calls - 1) * 100;
      expect(await store.ledger(book)).toMatchObject({
        used: { tokens: 3 * CHAPTER_TOKENS + lost },
        reserved: { tokens: 0 },
      });
      expect((await inspectStore(store)).violations).toEqual([]);
    },
    30_000,
  );
});
