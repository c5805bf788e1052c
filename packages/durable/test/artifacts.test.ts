import { createHash } from 'node:crypto';
import { artifactOf, listArtifacts, type DurableContext, type Store } from '@prusik/core';
import { everyDeath } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { STORAGES } from './storages.ts';
import { durable, engineOn, key } from './support.ts';
import { STORES } from './stores.ts';

const MARKDOWN = { type: 'text/markdown' } as const;
const hashOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function textOf(store: Store, hash: string): Promise<string> {
  let text = '';
  for await (const piece of store.readBlob('default', hash)) text += Buffer.from(piece).toString();
  return text;
}

describe.each(Object.entries(STORES))('what a run makes (%s)', (_, open) => {
  it('REC-5: a step makes artifacts of texts, bytes and streams, which stand on record with its outcome and can be read', async () => {
    await using opened = open();
    const { store } = opened;
    const work = durable('work', async (ctx) => {
      const report = await ctx.step('report', (step) =>
        step.artifact('report.md', '# Höhe', { ...MARKDOWN, title: 'The report' }),
      );
      await ctx.step('map', async (step) => {
        await step.artifact('map', Buffer.from('bytes'), { type: 'image/png' });
        await step.artifact('log', pieces('one ', 'two'), { type: 'text/plain; charset=utf-8' });
      });
      return { ...report };
    });
    const result = await engineOn(store, [work]).run('work', null, { id: 'r' });

    const report = { name: 'report.md', type: 'text/markdown', title: 'The report', hash: hashOf('# Höhe'), size: 7 };
    expect(result).toMatchObject({ output: report });
    const artifacts = await listArtifacts(store, key('r'));
    expect(artifacts).toHaveLength(3);
    expect(artifacts).toContainEqual({
      ...report,
      run: key('r'),
      definition: 'work',
      key: 'report',
      at: expect.any(Number),
    });
    const texts = await Promise.all(artifacts.map(async ({ name, hash }) => [name, await textOf(store, hash)]));
    expect(Object.fromEntries(texts)).toEqual({ 'report.md': '# Höhe', map: 'bytes', log: 'one two' });
  });

  it('REC-5: a step that fails has made nothing, and one that is repeated what its last execution made', async () => {
    await using opened = open();
    const { store } = opened;
    const work = durable('work', async (ctx) => {
      await ctx
        .step('fails', async (step) => {
          await step.artifact('never', 'n', MARKDOWN);
          throw new Error('no');
        })
        .catch(() => {});
      await ctx.step(
        'repeated',
        async (step) => {
          await step.artifact('plan', `attempt ${step.attempt}`, MARKDOWN);
          if (step.attempt === 1) throw new Error('once more');
        },
        { retry: { attempts: 2, backoffMs: 1 } },
      );
    });
    await engineOn(store, [work]).run('work', null, { id: 'r' });

    expect((await listArtifacts(store, key('r'))).map(({ name, hash }) => [name, hash])).toEqual([
      ['plan', hashOf('attempt 2')],
    ]);
    expect((await store.listNotes({ tenant: 'default', limit: 9 })).items).toHaveLength(1);
  });

  it('REC-5: of a name that is made again the newest stands first, earlier ones stay in the list of notes', async () => {
    await using opened = open();
    const { store } = opened;
    const work = durable('work', async (ctx) => {
      for (const n of [1, 2, 3]) await ctx.step(`s${n}`, (step) => step.artifact('plan', `plan ${n}`, MARKDOWN));
    });
    await engineOn(store, [work]).run('work', null, { id: 'r' });

    expect((await listArtifacts(store, key('r'))).map(({ hash }) => hash)).toEqual([hashOf('plan 3')]);
    const first = await store.listNotes({ tenant: 'default', kind: ['artifact'], limit: 2 });
    const rest = await store.listNotes({ tenant: 'default', kind: ['artifact'], limit: 2, after: first.next ?? '' });
    expect([...first.items, ...rest.items].map((note) => artifactOf(note)?.key)).toEqual(['s3', 's2', 's1']);
  });

  const wrong: Record<
    string,
    readonly [string, (step: Parameters<Parameters<DurableContext['step']>[1]>[0]) => unknown]
  > = {
    'a name that is empty': ['TypeError', (step) => step.artifact('', 'x', MARKDOWN)],
    'a name that is too long': ['TypeError', (step) => step.artifact('x'.repeat(201), 'x', MARKDOWN)],
    'a type that is none': ['TypeError', (step) => step.artifact('a', 'x', { type: 'markdown' })],
    'no options': ['TypeError', (step) => step.artifact('a', 'x', undefined as never)],
    'a title that is too long': [
      'TypeError',
      (step) => step.artifact('a', 'x', { ...MARKDOWN, title: 'x'.repeat(201) }),
    ],
    'no bytes': ['TypeError', (step) => step.artifact('a', 7 as never, MARKDOWN)],
    'an object in place of its JSON': ['TypeError', (step) => step.artifact('a', { a: 1 } as never, MARKDOWN)],
    'a note of that kind': ['TypeError', (step) => step.note('artifact', { name: 'a' })],
    'more than one step may make': [
      'STEP_RESULT_TOO_LARGE',
      async (step) => {
        for (let n = 0; n <= 100; n += 1) await step.artifact('a', 'x', MARKDOWN);
      },
    ],
  };
  it.each(Object.entries(wrong))('REC-5, ERR-3: %s is refused where it is made', async (_what, [code, make]) => {
    await using opened = open();
    const { store } = opened;
    const refused: unknown[] = [];
    const work = durable('work', (ctx) =>
      ctx.step('s', async (step) => {
        try {
          await make(step);
        } catch (error) {
          refused.push(error);
          throw error;
        }
      }),
    );
    const result = await engineOn(store, [work]).run('work', null, { id: 'r' });

    expect(result.status).toBe('failed');
    expect(refused).toEqual([expect.objectContaining(code === 'TypeError' ? { name: code } : { code })]);
    expect(await listArtifacts(store, key('r'))).toEqual([]);
  });
});

it.each(Object.entries(STORAGES))(
  'REC-5, TST-3: a process that dies before or after any write leaves each artifact once, with its bytes (%s)',
  async (_, create) => {
    const child = durable('child', (ctx) =>
      ctx.step('make', (step) => step.artifact('part', 'of the child', MARKDOWN)).then(() => 1),
    );
    const work = durable('work', async (ctx) => {
      await ctx.step('make', (step) => step.artifact('plan', 'of the parent', MARKDOWN));
      await ctx.child('c', 'child', null);
    });
    const points = await everyDeath({
      create,
      isSilent: () => true,
      async live({ store, clock }) {
        const engine = engineOn(store, [work, child], { clock });
        clock.advance(40_000);
        await engine.start('work', null, { id: 'r' });
        for (let turn = 0; turn < 100; turn += 1) if ((await engine.drive(key('r'))).status === 'completed') break;
        await engine[Symbol.asyncDispose]();
      },
      async check({ store }) {
        await store.sweepBlobs({ graceMs: 0 });
        const { items } = await store.listNotes({ tenant: 'default', kind: ['artifact'], limit: 9 });
        expect(items.map((note) => artifactOf(note)?.name)).toEqual(['part', 'plan']);
        const texts = await Promise.all((await listArtifacts(store, key('r'))).map(({ hash }) => textOf(store, hash)));
        expect(texts.toSorted()).toEqual(['of the child', 'of the parent']);
      },
    });
    expect(points.size).toBeGreaterThan(8);
  },
  60_000,
);
