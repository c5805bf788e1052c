import type { Json, NoteQuery, Store } from '@prusik/core';
import { afterEach, describe, expect, it } from 'vitest';
import { durable, engineOn, key } from './support.ts';
import { STORES, type TestStore } from './stores.ts';

const notesOf = async (store: Store, query: Partial<NoteQuery> = {}): Promise<readonly unknown[]> =>
  (await store.listNotes({ tenant: 'default', limit: 100, ...query })).items.map(({ data }) => data);

describe.each(Object.entries(STORES))('notes on %s', (_, create) => {
  const made: TestStore[] = [];
  const open = (): Store => {
    const test = create();
    made.push(test);
    return test.store;
  };
  afterEach(async () => {
    for (const test of made.splice(0)) await test[Symbol.asyncDispose]();
  });

  it('SES-11: what a step notes is stored with its outcome, once, whatever is replayed', async () => {
    const store = open();
    const work = durable('work', async (ctx) => {
      await ctx.step('plan', (step) => {
        step.note('goal', { climb: 'north' });
        step.note('todo', ['rope', 'chalk']);
      });
      await ctx.receive('go');
      await ctx.step('end', (step) => step.note('goal', 'down'));
    });
    const engine = engineOn(store, [work]);
    await engine.run('work', null, { id: 'r' });
    await engine.signal(key('r'), 'go', null);
    await engineOn(store, [work]).drive(key('r'));

    expect(await notesOf(store)).toEqual(['down', ['rope', 'chalk'], { climb: 'north' }]);
    expect((await store.listNotes({ tenant: 'default', run: 'r', kind: ['todo'], limit: 5 })).items).toEqual([
      expect.objectContaining({ kind: 'todo', key: 'plan', run: key('r'), definition: 'work' }),
    ]);
  });

  it('SES-11: a step that fails leaves no note, and one that is repeated leaves those of its last attempt', async () => {
    const store = open();
    const work = durable('work', async (ctx) => {
      await ctx
        .step('fails', (step) => {
          step.note('goal', 'never');
          throw new Error('No');
        })
        .catch(() => {});
      await ctx.step(
        'repeated',
        (step) => {
          step.note('goal', `attempt ${step.attempt}`);
          if (step.attempt === 1) throw new Error('Once more');
        },
        { retry: { attempts: 2, backoffMs: 1 } },
      );
    });
    await engineOn(store, [work]).run('work', null, { id: 'r' });

    expect(await notesOf(store)).toEqual(['attempt 2']);
  });

  it('SES-11: a step reads the notes of its session, newest first, those of earlier runs too', async () => {
    const store = open();
    let seen: unknown;
    const work = durable('work', async (ctx, input) => {
      await ctx.step('read', async (step) => {
        seen = (await step.notes({ kind: ['goal'] })).map(({ data, run }) => [data, run.run]);
        step.note('goal', input);
        step.note('other', input);
      });
    });
    const engine = engineOn(store, [work]);
    const run = (id: string, session?: string) =>
      engine.run('work', id, { id, ...(session === undefined ? {} : { session: { id: session } }) });
    await run('alone');
    await run('first', 'talk');
    await run('second', 'talk');
    await run('foreign', 'elsewhere');
    await run('third', 'talk');

    expect(seen).toEqual([
      ['second', 'second'],
      ['first', 'first'],
    ]);
    expect(await notesOf(store, { session: 'talk', kind: ['other'] })).toEqual(['third', 'second', 'first']);
  });

  it.each<[string, string, Json, string]>([
    ['too large', 'goal', 'x'.repeat(70_000), 'VALUE_TOO_LARGE'],
    ['of no kind', '', 1, 'TypeError'],
    ['not JSON', 'goal', (() => {}) as unknown as Json, 'TypeError'],
  ])('SES-11: a note that is %s is refused where it is made', async (_what, kind, data, code) => {
    const store = open();
    let refused: unknown;
    const work = durable('work', (ctx) =>
      ctx.step('s', (step) => {
        try {
          step.note(kind, data);
        } catch (error) {
          refused = error;
        }
      }),
    );
    await engineOn(store, [work]).run('work', null, { id: 'r' });

    expect(refused).toMatchObject(code === 'TypeError' ? { name: code } : { code });
    expect(await notesOf(store)).toEqual([]);
  });

  it('SES-11: more notes of one step than it may write are refused', async () => {
    const store = open();
    const work = durable('work', (ctx) =>
      ctx.step('s', (step) => {
        for (let n = 0; n <= 100; n += 1) step.note('goal', n);
      }),
    );
    const result = await engineOn(store, [work]).run('work', null, { id: 'r' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'STEP_RESULT_TOO_LARGE' } });
    expect(await notesOf(store)).toEqual([]);
  });
});
