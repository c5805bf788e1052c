import assert from 'node:assert/strict';
import { isFinal, JOURNAL_LIMIT, WRITE_ITEMS_LIMIT } from '@prusik/core';
import { ending, key, newChild, newRequest, newRun, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const many = Array.from({ length: WRITE_ITEMS_LIMIT }, () => note('x'));

export const STORE_END_TESTS: readonly StoreTest[] = [
  {
    title: 'I2: the end stores status, output and time, and releases the lease',
    async run({ clock, running, commit, claim, run }) {
      const held = await running('r');
      clock.advance(50);

      await commit(held, {
        entries: [{ type: 'run-end', status: 'completed', output: { total: 3 } }],
        transition: { type: 'end', status: 'completed', output: { total: 3 } },
      });

      const ended = await run('r');
      assert.deepEqual([ended.status, ended.output, ended.endedAt], ['completed', { total: 3 }, clock.now()]);
      assert.equal((await claim()).nextAt, null);
    },
  },
  {
    title: 'I2: a failure is stored as it is, and an output that is null is not a missing one',
    async run({ running, commit, run }) {
      const error = { code: 'OUT_OF_ROPE', message: 'none left', retryable: true, meta: { left: 0 } };
      await commit(await running('failed'), {
        entries: [{ type: 'run-end', status: 'failed', error }],
        transition: { type: 'end', status: 'failed', error },
      });
      await commit(await running('null'), {
        entries: [{ type: 'run-end', status: 'completed', output: null }],
        transition: { type: 'end', status: 'completed', output: null },
      });
      await commit(await running('none'), ending('cancelled'));

      assert.deepEqual((await run('failed')).error, error);
      assert.equal((await run('null')).output, null);
      assert.equal('output' in (await run('none')), false);
      assert.equal('error' in (await run('none')), false);
    },
  },
  {
    title:
      'WFL-10: why an output is not whole is stored with it and told to the parent, and a run that is not completed has no such reason',
    async run({ running, take, commit, tryCommit, run, inboxOf }) {
      const partial = { code: 'OUT_OF_ROPE', message: 'two of three' };
      const end = { status: 'completed', output: 2, partial } as const;
      await commit(await running('p'), { children: [newChild('some', 'p'), newChild('all', 'p')] });
      const child = await take('some');
      for (const status of ['failed', 'cancelled'] as const)
        await assert.rejects(
          tryCommit(child, { ...ending(status), transition: { type: 'end', status, partial } }),
          TypeError,
        );
      await commit(child, { entries: [{ type: 'run-end', ...end }], transition: { type: 'end', ...end } });
      await commit(await take('all'), ending('completed'));

      const [some, all] = [await run('some'), await run('all')];
      assert.deepEqual([some.output, some.partial], [2, partial]);
      assert.equal('partial' in all, false);
      assert.deepEqual(
        (await inboxOf('p')).map(({ body }) => body),
        [end, { status: 'completed' }],
      );
    },
  },
  {
    title: 'I2: a run ends once, and nothing is written after it',
    async run({ store, running, end, tryCommit, journal, run }) {
      const held = await running('r');
      await end(held, 'completed');
      const ended = await run('r');

      assert.deepEqual(await tryCommit(held, ending('failed')), { outcome: 'stale' });
      assert.deepEqual(await tryCommit(held, { entries: [note('late')] }), { outcome: 'stale' });
      assert.deepEqual(await tryCommit({ ...held, epoch: 2 }, { entries: [note('late')] }), { outcome: 'stale' });
      assert.equal((await store.start(newRun('r'))).outcome, 'existing');

      assert.deepEqual(await journal('r'), ['run-start', 'run-end']);
      assert.deepEqual(await run('r'), ended);
      assert.ok(isFinal(ended.status));
    },
  },
  {
    title: 'I2: the entry run-end is the last one, and comes with the end only',
    async run({ running, tryCommit, journal }) {
      const held = await running('r');
      const { entries, transition } = ending('completed');

      await assert.rejects(tryCommit(held, { entries: entries! }), TypeError);
      await assert.rejects(tryCommit(held, { entries: [note('x')], transition: transition! }), TypeError);
      await assert.rejects(tryCommit(held, { entries: [...entries!, note('x')], transition: transition! }), TypeError);

      assert.deepEqual(await journal('r'), ['run-start']);
    },
  },
  {
    title: 'REQ-7: the end withdraws what is still open, and leaves what was decided',
    async run({ store, running, commit, end }) {
      const held = await running('r');
      await commit(held, { requests: [newRequest('open'), newRequest('decided')] });
      await store.decide({ run: key('r'), request: 'decided', decision: { status: 'answered', value: 1 } });
      await end(held);

      const { items } = await store.listRequests({ tenant: 'acme', run: 'r', limit: 10 });
      assert.deepEqual(
        items.map(({ id, status }) => [id, status]),
        [
          ['open', 'withdrawn'],
          ['decided', 'answered'],
        ],
      );
    },
  },
  {
    title: 'WFL-6: the end of a child is one signal to its parent, with how it ended',
    async run({ clock, running, take, commit, inboxOf }) {
      const parent = await running('p');
      await commit(parent, { children: [newChild('done', 'p'), newChild('failed', 'p')] });
      await commit(await take('done'), {
        entries: [{ type: 'run-end', status: 'completed', output: 42 }],
        transition: { type: 'end', status: 'completed', output: 42 },
      });
      const error = { code: 'NO', message: 'no' };
      await commit(await take('failed'), {
        entries: [{ type: 'run-end', status: 'failed', error }],
        transition: { type: 'end', status: 'failed', error },
      });

      assert.deepEqual(await inboxOf('p'), [
        { n: 1, kind: 'child', key: 'done', body: { status: 'completed', output: 42 }, at: clock.now() },
        { n: 2, kind: 'child', key: 'failed', body: { status: 'failed', error }, at: clock.now() },
      ]);
    },
  },
  {
    title:
      'WFL-8: of an output that is larger than its parent takes the parent is told the size alone, and the run has the whole',
    async run({ running, take, commit, run, inboxOf }) {
      // Eleven bytes as JSON text, and eight characters.
      const output = '\u20acdé123';
      const taking = (id: string, maxResultBytes: number) =>
        newChild(id, 'p', { parent: { run: 'p', key: id, maxResultBytes } });
      await commit(await running('p'), { children: [taking('fits', 11), taking('over', 10), taking('none', 0)] });
      for (const id of ['fits', 'over'])
        await commit(await take(id), {
          entries: [{ type: 'run-end', status: 'completed', output }],
          transition: { type: 'end', status: 'completed', output },
        });
      await commit(await take('none'), ending('failed'));

      assert.equal((await run('over')).output, output);
      assert.deepEqual((await run('over')).parent, { run: 'p', key: 'over', maxResultBytes: 10 });
      assert.deepEqual(
        (await inboxOf('p')).map(({ key: id, body }) => [id, body]),
        [
          ['fits', { status: 'completed', output }],
          ['over', { status: 'completed', tooLarge: { bytes: 11, limit: 10 } }],
          ['none', { status: 'failed' }],
        ],
      );
      for (const bad of [-1, 1.5, '7'])
        await assert.rejects(
          commit(await running(`bad ${bad}`), {
            children: [
              newChild('c', `bad ${bad}`, { parent: { run: `bad ${bad}`, key: 'c', maxResultBytes: bad as number } }),
            ],
          }),
          TypeError,
        );
    },
  },
  {
    title: 'WFL-6: a child whose parent has ended ends all the same',
    async run({ running, take, commit, end, run, inboxOf }) {
      const parent = await running('p');
      await commit(parent, { children: [newChild('c', 'p')] });
      const child = await take('c');
      await end(parent);

      await end(child);

      assert.equal((await run('c')).status, 'completed');
      assert.deepEqual(await inboxOf('p'), []);
    },
  },
  {
    title: 'I9: a journal that is full takes the end and a block, and nothing else',
    async run({ running, commit, tryCommit, run }) {
      const held = await running('r');
      for (let n = 0; n < JOURNAL_LIMIT / many.length - 1; n += 1) await commit(held, { entries: many });
      await commit(held, { entries: many.slice(1) });
      assert.equal((await run('r')).seq, JOURNAL_LIMIT);

      const full = await tryCommit(held, { entries: [note('one more')] });
      assert.equal(full.outcome === 'refused' && full.code, 'JOURNAL_FULL');
      assert.equal((await run('r')).seq, JOURNAL_LIMIT);
      await commit(held);

      await commit(held, ending('failed'));
      assert.deepEqual([(await run('r')).status, (await run('r')).seq], ['failed', JOURNAL_LIMIT + 1]);
    },
  },
];
