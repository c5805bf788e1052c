import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFinal, type Run, type Store } from '@prusik/core';
import { createEngine, type Engine } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';
import { inspectStore, processGroup, type CrashProcess, type EffectLine } from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childrenOf, journalOf } from './engines.ts';
import { TREE, treeDefinitions } from './tree-definitions.ts';

const SCRIPT = join(import.meta.dirname, 'fixtures', 'tree-worker.ts');
const ROOT = { tenant: 'default', run: 'root' };

describe('a tree whose parent is driven by one process and its children by another, with one place each', () => {
  let folder: string;
  let store: Store;
  let engine: Engine;
  let group: ReturnType<typeof processGroup>;
  let lines: EffectLine[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tree-'));
    store = sqliteStore({ path: join(folder, 'runs.db'), pollMs: 20 });
    engine = createEngine({
      store,
      definitions: treeDefinitions(
        () => {},
        async () => {},
      ),
    });
    group = processGroup();
    lines = [];
  });
  afterEach(async () => {
    await group[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  function startWorker(name: string, claims: readonly string[], point = ''): CrashProcess {
    return group.start({
      name,
      script: SCRIPT,
      args: [join(folder, 'runs.db'), name, ...claims],
      execArgv: ['--conditions=@prusik/source'],
      env: { CRASH_POINT: point },
      onLine: (line) => void lines.push(line),
    });
  }

  async function rootEnded(): Promise<Run> {
    for (;;) {
      const found = await store.run(ROOT);
      if (found !== undefined && isFinal(found.status)) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** What the workers that are left say when they are told to stop. */
  async function stopped(...workers: readonly CrashProcess[]): Promise<readonly (number | null)[]> {
    for (const worker of workers) worker.terminate();
    return (await Promise.all(workers.map((worker) => worker.ended))).map(({ code }) => code);
  }

  /** Model calls that were begun and of which nobody knows what they used. */
  async function lostCalls(): Promise<number> {
    const children = await childrenOf(store, ROOT.run);
    const entries = (await Promise.all(children.map(({ key }) => journalOf(store, key.run)))).flat();
    return entries.filter(({ type }) => type === 'step-intent').length - TREE.items.length;
  }

  it.each([
    ['nobody', [], '', '', 0],
    ["the parent's process, which has started them,", ['parent'], 'after-commit:1', '', 0],
    ["the parent's process, which has heard of one,", ['parent'], 'before-commit:2', '', 0],
    ["the children's process, with a model call under way,", ['child'], '', 'before-outcome:model', 1],
    ['both', ['parent', 'child'], 'after-commit:1', 'after-outcome:model', 0],
  ])(
    'WFL-4, WFL-6, DUR-11, DUR-12: %s is killed: the same results, each child paid once, and one ledger that has charged what was lost',
    async (_, killed, parentPoint, childPoint, lost) => {
      const first = {
        parent: startWorker('first parent', ['parent'], parentPoint),
        child: startWorker('first child', ['child'], childPoint),
      };
      await engine.start('parent', TREE.items, { id: ROOT.run });
      const next: CrashProcess[] = [];
      for (const role of ['parent', 'child'] as const) {
        if (!killed.includes(role)) {
          next.push(first[role]);
          continue;
        }
        expect(await first[role].ended).toMatchObject({ signal: 'SIGKILL' });
        next.push(startWorker(`second ${role}`, [role]));
      }
      const root = await rootEnded();

      expect(root).toMatchObject({ status: 'completed', output: TREE.output });
      const children = await childrenOf(store, ROOT.run);
      expect(children.map(({ status, parent }) => [parent?.key, status]).toSorted()).toEqual(
        TREE.items.map((item) => [`child ${item}`, 'completed']),
      );
      expect(await lostCalls()).toBe(lost);
      expect(await store.ledger(ROOT)).toMatchObject({
        used: { calls: TREE.items.length + lost, tokens: TREE.items.length * TREE.used + lost * TREE.reserved },
        reserved: { calls: 0, tokens: 0 },
      });
      const paid = lines.filter((line) => line.type === 'effect' && line.step === 'pay');
      expect(new Set(paid.map((line) => line.run.run)).size).toBe(TREE.items.length);
      expect(await stopped(...next)).toEqual([0, 0]);
      expect((await inspectStore(store, { lines })).violations).toEqual([]);
    },
    30_000,
  );

  it('DUR-11: and by one process with one place for all of them, they cannot lock each other out', async () => {
    const only = startWorker('only', ['parent', 'child']);
    await engine.start('parent', TREE.items, { id: ROOT.run });

    expect(await rootEnded()).toMatchObject({ status: 'completed', output: TREE.output });
    expect(await stopped(only)).toEqual([0]);
    expect((await inspectStore(store, { lines })).violations).toEqual([]);
  }, 30_000);
});
