import { PrusikError, type CallOutcome, type Store } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../src/index.ts';
import { agentOf, call, namesIn } from './sourced.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, resultsOf, threadOf, waitingOn } from './support.ts';
import { listedTool, lost, said, testSource, type TestSource } from './tool-source.ts';

const down = (): never => {
  throw new PrusikError('FAR_DOWN', 'nobody is there', { retryable: true });
};

/** Runs one call of a tool of a source, and gives what the model was told. */
async function outcomeOf(
  executes: TestSource['executes'],
  more: Parameters<typeof listedTool>[1] = {},
  store: Store = newStore(),
) {
  const far = testSource('far', [listedTool('alpha', more)]);
  far.executes = executes;
  const clock = fakeClock();
  const { agent } = agentOf([[call('alpha', 'x', 'c1')], 'Done.'], [far], { clock });
  const result = await hurried(clock, newEngine([agent], { store, clock }).run('a', 'Go', { id: 'r' }));
  return { far, store, result, output: (await resultsOf(store, 'r'))['c1'] };
}

describe('AGT-16, REQ-2: an approval of a call of a source', () => {
  /** Up to where a person is asked, in an engine that is gone then. */
  async function asked(
    script: Parameters<typeof agentOf>[0],
    approval: 'once' | 'always' = 'always',
    more: object = {},
  ) {
    const tool = listedTool('alpha', { approval });
    const store = newStore();
    const first = agentOf(script, [testSource('far', [tool])]);
    const engine = newEngine([first.agent], { store });
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r', ...more }));
    await engine[Symbol.asyncDispose]();
    return { tool, store, request };
  }

  it('holds by what is recorded, in another process whose source says nothing and has something else by now', async () => {
    const { tool, store, request } = await asked([call('alpha', 'x', 'c1')]);
    const far = testSource('far', [listedTool('alpha', { hash: 'another', inputSchema: { type: 'object' } })]);
    const { agent } = agentOf(['Done.'], [far]);
    const engine = newEngine([agent], { store });
    const { items } = await store.listRequests({ tenant: 'default', run: 'r', limit: 9 });

    expect(items[0]).toMatchObject({
      kind: 'approval',
      body: { tool: 'alpha', source: 'far', input: { q: 'x' } },
      schema: tool.inputSchema,
    });
    await expect(engine.decide(keyOf('r'), request, { status: 'edited', value: { q: 7 } })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
    });
    await engine.decide(keyOf('r'), request, { status: 'edited', value: { q: 'edited' } });
    expect(far.asked).toBe(0);
    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(far.calls).toEqual([{ name: 'alpha', hash: tool.hash, callId: 'c1', input: { q: 'edited' } }]);
    expect(far.asked).toBe(1);
  });

  it('AGT-3: a refusal of the source, whose tool is another one now, is what the model reads', async () => {
    const { store, request } = await asked([call('alpha', 'x', 'c1')]);
    const far = testSource('far');
    far.executes = () => {
      throw new PrusikError('FAR_TOOL_CHANGED', 'alpha is another tool by now');
    };
    const engine = newEngine([agentOf(['Done.'], [far]).agent], { store });
    await engine.decide(keyOf('r'), request, { status: 'approved' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect((await resultsOf(store, 'r'))['c1']).toEqual({
      type: 'error',
      code: 'FAR_TOOL_CHANGED',
      text: 'alpha is another tool by now',
    });
  });

  it('REQ-3: a grant counts for the tool as it was listed, and not for another of its name', async () => {
    const { tool, store, request } = await asked([call('alpha', 'x', 'c1')], 'once', { session: { id: 's' } });
    const far = testSource('far', [tool]);
    const script = [call('alpha', 'y', 'c2'), 'Done.', call('alpha', 'z', 'c3'), 'Done.'];
    const engine = newEngine([agentOf(script, [far]).agent], { store });
    await engine.decide(keyOf('r'), request, { status: 'approved', grant: { scope: 'session', part: {} } });
    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(far.calls.map(({ callId }) => callId)).toEqual(['c1', 'c2']);

    far.listing = { tools: [{ ...tool, hash: 'another' }], withheld: [] };

    expect(await engine.run('a', 'More', { id: 'r2', session: { id: 's' } })).toMatchObject({ status: 'waiting' });
  });

  it('is not checked by a tool of the agent that has its name by now', async () => {
    const { store, request } = await asked([call('alpha', 'x', 'c1')]);
    const own = defineTool({
      name: 'alpha',
      description: 'Own.',
      input: z.object({ n: z.number() }),
      execute: () => 1,
    });
    const engine = newEngine([agentOf([], [], { tools: [own] }).agent], { store });

    await expect(
      engine.decide(keyOf('r'), request, { status: 'edited', value: { q: 'edited' } }),
    ).resolves.toMatchObject({ request: { status: 'edited' } });
  });

  it.each(['keyed', 'repeatable'] as const)(
    'AGT-3: does not say that it was not executed where a process was lost that may have been at it: %s',
    async (effect) => {
      const store = newStore();
      const begun = Promise.withResolvers<void>();
      const far = testSource('far', [listedTool('alpha', { effect, timeoutMs: 1e9 })]);
      far.executes = () => {
        begun.resolve();
        return new Promise(() => {});
      };
      const first = newEngine([agentOf([call('alpha', 'x', 'c1')], [far]).agent], {
        store,
        limits: { cancelGraceMs: 1 },
      });
      const running = first.run('a', 'Go', { id: 'r' }).catch(() => {});
      await begun.promise;
      await first[Symbol.asyncDispose]();
      await running;

      const later = newEngine([agentOf(['Done.'], []).agent], { store });
      expect(await later.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

      expect((await resultsOf(store, 'r'))['c1']).toMatchObject({
        code: 'TOOL_GONE',
        text: expect.stringMatching(/^Not executed now\. It may have been begun/),
      });
    },
  );

  it('DUR-2: reads what is recorded once in a process, and in the one that listed it not at all', async () => {
    const inner = newStore();
    const read: string[] = [];
    const store: Store = { ...inner, readBlob: (tenant, hash) => (read.push(hash), inner.readBlob(tenant, hash)) };
    const tool = listedTool('alpha', { approval: 'always' });
    const script = [[call('alpha', 'x', 'c1'), call('alpha', 'y', 'c2')]];
    const engine = newEngine([agentOf(script, [testSource('far', [tool])]).agent], { store });
    const requests = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(read).toEqual([]);
    await engine[Symbol.asyncDispose]();
    const next = newEngine([agentOf(['Done.'], [testSource('far')]).agent], { store });
    for (const request of requests) await next.decide(keyOf('r'), request, { status: 'approved' });

    expect(await next.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(read).toHaveLength(1);
  });

  it.each([
    ['that the agent does not have any more', []],
    [
      'in whose place the agent has a tool of its own',
      [defineTool({ name: 'alpha', description: 'Own.', input: z.object({ q: z.string() }), execute: () => 'own' })],
    ],
  ])('closes a call of a source %s, and executes nothing', async (_what, tools) => {
    const { store, request } = await asked([call('alpha', 'x', 'c1')]);
    const engine = newEngine([agentOf(['Done.'], [], { tools }).agent], { store });
    await engine.decide(keyOf('r'), request, { status: 'approved' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect((await resultsOf(store, 'r'))['c1']).toMatchObject({ type: 'error', code: 'TOOL_GONE' });
  });
});

describe('AGT-16, REQ-6: a call of a source that needs something of somebody', () => {
  it('is asked about durably, by the name of the source, and goes on in another process with what was answered', async () => {
    const tool = listedTool('alpha', { effect: 'once' });
    const store = newStore();
    const first = testSource('far', [tool]);
    first.executes = () => ({
      type: 'needs',
      needs: { seat: { kind: 'question', body: { text: 'Which seat?', source: 'bank' }, schema: { type: 'string' } } },
      state: { held: 7 },
    });
    const engine = newEngine([agentOf([call('alpha', 'x', 'c1')], [first]).agent], { store });
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await engine[Symbol.asyncDispose]();
    const { items } = await store.listRequests({ tenant: 'default', run: 'r', limit: 9 });
    expect(items[0]).toMatchObject({
      kind: 'question',
      body: { text: 'Which seat?', tool: 'alpha', callId: 'c1', need: 'seat', source: 'far' },
    });

    const far = testSource('far');
    const second = newEngine([agentOf(['Done.'], [far]).agent], { store });
    await second.decide(keyOf('r'), request, { status: 'answered', value: '12A' });

    expect(await second.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(far.calls).toEqual([
      {
        name: 'alpha',
        hash: tool.hash,
        callId: 'c1',
        input: { q: 'x' },
        continues: { state: { held: 7 }, answers: { seat: { status: 'answered', value: '12A' } } },
      },
    ]);
    expect(await resultsOf(store, 'r')).toMatchObject({ c1: { type: 'text', text: 'alpha says x' } });
  });

  it('is an error for the model where the need is none', async () => {
    const { output } = await outcomeOf(() => ({ type: 'needs', needs: {}, state: null }));

    expect(output).toMatchObject({ type: 'error', code: 'CALL_NEEDS_INVALID' });
  });

  it('DUR-5: is told again what was answered, whatever the attempt before did to it', async () => {
    const store = newStore();
    const far = testSource('far', [listedTool('alpha')]);
    const given: string[] = [];
    far.executes = ({ continues }) => {
      if (continues === undefined)
        return { type: 'needs', needs: { a: { kind: 'question', body: {} } }, state: { n: 1 } };
      given.push(JSON.stringify(continues));
      Object.assign(continues.answers['a'] ?? {}, { value: 'mine' });
      Object.assign(continues.answers, { b: 'mine' });
      Object.assign(continues.state as object, { n: 2 });
      return given.length < 2 ? down() : said('done');
    };
    const engine = newEngine([agentOf([call('alpha', 'x', 'c1'), 'Done.'], [far]).agent], { store });
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await engine.decide(keyOf('r'), request, { status: 'answered', value: 'theirs' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(given).toHaveLength(2);
    expect(given[1]).toBe(given[0]);
    expect(JSON.parse(given[0] ?? '')).toEqual({
      state: { n: 1 },
      answers: { a: { status: 'answered', value: 'theirs' } },
    });
  });
});

describe('MCP-2, DUR-5: a call of which its source does not know what became of it', () => {
  it('is in doubt where it may happen once: the model is told so, and it is not sent again', async () => {
    const { far, result, output } = await outcomeOf(() => Promise.reject(lost()), { effect: 'once' });

    expect(result).toMatchObject({ status: 'completed' });
    expect(far.calls).toHaveLength(1);
    expect(output).toMatchObject({
      type: 'error',
      code: 'STEP_IN_DOUBT',
      text: expect.stringMatching(/The connection was lost.*before you repeat it/),
    });
  });

  it('blocks the run where a person was asked about it', async () => {
    const far = testSource('far', [listedTool('alpha', { effect: 'once', approval: 'always' })]);
    far.executes = () => Promise.reject(lost());
    const engine = newEngine([agentOf([call('alpha'), 'Done.'], [far]).agent]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await engine.decide(keyOf('r'), request, { status: 'approved' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
    expect(far.calls).toHaveLength(1);
  });

  it.each(['repeatable', 'keyed'] as const)('is sent again, within a bound, where it is %s', async (effect) => {
    let failures = 2;
    const keys = new Set<string>();
    const passing = await outcomeOf(
      (_call, { idempotencyKey }) => {
        keys.add(idempotencyKey);
        if (failures-- > 0) throw lost();
        return said('at last');
      },
      { effect },
    );
    const lasting = await outcomeOf(() => Promise.reject(lost()), { effect });

    expect(passing.output).toEqual({ type: 'text', text: 'at last' });
    expect(keys.size).toBe(1);
    expect(lasting.far.calls).toHaveLength(3);
    expect(lasting.output).toMatchObject({ type: 'error', code: 'FAR_CALL_LOST' });
  });

  it('of a tool of the author’s it is the same', async () => {
    let sent = 0;
    const pay = defineTool({
      name: 'pay',
      description: 'Pays.',
      input: z.object({}),
      execute: () => {
        sent += 1;
        throw lost();
      },
    });
    const { agent } = agentOf([{ call: 'pay', input: {}, callId: 'c1' }, 'Done.'], [], { tools: [pay] });
    const store = newStore();

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    expect(sent).toBe(1);
    expect((await resultsOf(store, 'r'))['c1']).toMatchObject({ code: 'STEP_IN_DOUBT' });
  });
});

it('AGT-11: a model that names what is not there is told some of the names, not hundreds', async () => {
  const many = Array.from({ length: 200 }, (_, n) => listedTool(`tool_${n}`));
  const { agent } = agentOf([[call('alpha', 'x', 'c1')], 'Done.'], [testSource('far', many)]);
  const store = newStore();

  await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

  const { text } = (await resultsOf(store, 'r'))['c1'] as { readonly text: string };
  expect(text).toMatch(/There are: tool_0, .* and 136 more\.$/);
});

describe('MCP-2: a call that was not sent', () => {
  it.each([
    ['repeatable', 3],
    ['once', 1],
  ] as const)('is a failure that is over for the model; %s: executed %i times', async (effect, times) => {
    const { far, output, store } = await outcomeOf(down, { effect });

    expect(far.calls).toHaveLength(times);
    // In one commit where nothing is to be tried again.
    const keys = (await entriesOf(store, 'r')).flatMap((entry) => (entry.type === 'step-end' ? [entry.key] : []));
    expect(keys.includes('result:1:c1')).toBe(effect === 'repeatable');
    expect(output).toEqual({ type: 'error', code: 'FAR_DOWN', text: 'nobody is there' });
  });

  it.each(['once', 'repeatable'] as const)(
    'for want of room waits as long as it says (%s), and no longer than the call might take',
    async (effect) => {
      const busy = (failures: number) => () => {
        if (failures-- <= 0) return said('at last');
        throw new PrusikError('FAR_BUSY', 'no room', { retryable: true, meta: { retryAfterMs: 2_000 } });
      };
      const soon = await outcomeOf(busy(2), { effect, timeoutMs: 10_000 });
      const never = await outcomeOf(busy(Infinity), { effect, timeoutMs: 10_000 });

      expect(soon.output).toEqual({ type: 'text', text: 'at last' });
      expect(soon.far.calls).toHaveLength(3);
      expect(never.output).toMatchObject({ type: 'error', code: 'FAR_BUSY' });
      expect(never.far.calls.length).toBeLessThan(6);
    },
  );

  it('AGT-4: a call past its time is told to stop; one that may happen once is in doubt', async () => {
    let heard: unknown;
    const { output } = await outcomeOf(
      (_call, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject((heard = signal.reason)))),
      { effect: 'once', timeoutMs: 5_000 },
    );

    expect(heard).toMatchObject({ code: 'STEP_TIMEOUT' });
    expect(output).toMatchObject({ code: 'STEP_IN_DOUBT' });
  });

  it('AGT-4: a call past its time that may be repeated is an error for the model, and is not begun anew', async () => {
    const { output, far } = await outcomeOf(() => new Promise(() => {}), { timeoutMs: 5_000 });

    expect(output).toMatchObject({ type: 'error', code: 'STEP_TIMEOUT' });
    expect(far.calls).toHaveLength(1);
  });

  it('AGT-3: what is thrown beside that is an error for the model, without credentials', async () => {
    const { output } = await outcomeOf(() => Promise.reject(new Error('401: Bearer abcdefghijklmnop')));

    expect(output).toMatchObject({ type: 'error', code: 'TOOL_FAILED', text: expect.stringContaining('401') });
    expect(JSON.stringify(output)).not.toContain('abcdefghijklmnop');
  });
});

describe('AGT-4, AGT-14: what a source gives for a call', () => {
  const png = { type: 'file', mediaType: 'image/png', data: new Uint8Array([1, 2, 3]) } as const;
  const OUTCOMES: readonly (readonly [string, Omit<CallOutcome, 'type'>, unknown])[] = [
    ['texts', { parts: ['a', { type: 'text', text: 'b' }] }, { type: 'text', text: 'a\nb' }],
    ['nothing', { parts: [] }, { type: 'text', text: '' }],
    ['a value in place of texts', { parts: ['{"n":1}'], value: { n: 1 } }, { type: 'json', value: { n: 1 } }],
    ['a value that is nothing', { parts: ['x'], value: null }, { type: 'json', value: null }],
    [
      'texts and files in their order',
      { parts: ['a', png, 'b'] },
      {
        type: 'content',
        parts: [
          { type: 'text', text: 'a' },
          { type: 'file', mediaType: 'image/png', data: { blob: expect.stringMatching(/^sha256:/) } },
          { type: 'text', text: 'b' },
        ],
      },
    ],
    [
      'a value with files',
      { parts: ['a', png], value: { n: 1 } },
      {
        type: 'content',
        parts: [
          { type: 'text', text: '{"n":1}' },
          { type: 'file', mediaType: 'image/png', data: { blob: expect.any(String) } },
        ],
      },
    ],
    [
      'a failure of its own',
      { parts: ['no such', png, 'file'], failed: 'FAR_TOOL_ERROR' },
      { type: 'error', code: 'FAR_TOOL_ERROR', text: 'no such\nfile' },
    ],
  ];
  it.each(OUTCOMES)('%s', async (_what, outcome, expected) => {
    const { output } = await outcomeOf(() => ({ type: 'outcome', ...outcome }), { effect: 'once' });

    expect(output).toEqual(expected);
  });

  it.each([
    ['nothing', undefined],
    ['no parts', { type: 'outcome' }],
    ['a part that is none', { type: 'outcome', parts: [{ type: 'image' }] }],
    ['a value that is no JSON', { type: 'outcome', parts: [], value: 1n }],
    ['something else', { ok: true }],
  ])('%s cannot be read: the model is told that it was executed', async (_what, given) => {
    const { output, far } = await outcomeOf(() => given as never, { effect: 'once' });

    expect(output).toMatchObject({
      type: 'error',
      code: 'TOOL_RESULT_INVALID',
      text: expect.stringContaining('executed'),
    });
    expect(far.calls).toHaveLength(1);
  });

  it.each([
    ['an object', { code: 5 }],
    ['an empty word', ''],
    ['no word at all', false],
    ['a word without end', 'F'.repeat(10_000)],
  ])('is a failure where %s says so', async (_what, failed) => {
    const { output } = await outcomeOf(() => ({ type: 'outcome', parts: ['no'], failed }) as never, { effect: 'once' });

    expect(output).toEqual({ type: 'error', code: 'TOOL_FAILED', text: 'no' });
  });

  it('DUR-5: has happened, whatever its files are: a file that is none, or is not there, is left out', async () => {
    const file = (data: object) => ({ type: 'file', mediaType: 'image/png', data }) as never;
    const { output, result } = await outcomeOf(
      () => ({ type: 'outcome', parts: ['sent', file({ blob: `sha256:${'a'.repeat(64)}` }), file({ reference: 5 })] }),
      { effect: 'once' },
    );

    expect(result).toMatchObject({ status: 'completed' });
    expect(output).toMatchObject({
      type: 'content',
      parts: [
        { text: 'sent' },
        { text: expect.stringContaining('FILE_MISSING') },
        { text: expect.stringContaining('FILE_INVALID') },
      ],
    });
  });

  it('is cut where it is longer than its tool may be, and kept whole', async () => {
    const long = 'line\n'.repeat(1_000);
    const text = await outcomeOf(() => said(long), { maxOutputBytes: 1_000 });
    const failed = await outcomeOf(() => ({ ...said(long), failed: 'FAR' }) as CallOutcome, { maxOutputBytes: 1_000 });

    expect(text.output).toMatchObject({ type: 'text', whole: { bytes: long.length, mediaType: 'text/plain' } });
    expect(JSON.stringify(text.output).length).toBeLessThan(1_600);
    expect(JSON.stringify(failed.output).length).toBeLessThan(1_600);
  });

  it('AGT-16: is on record as of that source; what the agent’s own tools say is not', async () => {
    const own = defineTool({ name: 'own', description: 'Own.', input: z.object({}), execute: () => 'own' });
    const far = testSource('far', [listedTool('alpha')]);
    const script = [[call('alpha', 'x', 'c1'), { call: 'own', input: {}, callId: 'c2' }], 'Done.'];
    const { agent, model } = agentOf(script, [far], { tools: [own] });
    const store = newStore();

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    const results = (await threadOf(store, 'r')).flatMap(({ content }) =>
      content.flatMap((part) => (part.type === 'tool-result' ? [[part.callId, part.toolSource]] : [])),
    );
    expect(Object.fromEntries(results)).toEqual({ c1: 'far', c2: undefined });
    expect(namesIn(model.requests[0]?.tools)).toEqual(['own', 'alpha']);
  });

  it('AGT-1: progress is told live and stands nowhere', async () => {
    const far = testSource('far', [listedTool('alpha')]);
    far.executes = (_call, { progress }) => {
      progress('half of it');
      return said('done');
    };
    const store = newStore();
    const engine = newEngine([agentOf([call('alpha'), 'Done.'], [far]).agent], { store });
    await engine.start('a', 'Go', { id: 'r' });
    const heard: string[] = [];
    const listening = (async () => {
      for await (const event of engine.events(keyOf('r')))
        if (event.live && event.event.type === 'step-delta' && event.event.key.startsWith('tool:'))
          heard.push(event.event.text);
    })();

    await engine.drive(keyOf('r'));
    await listening;

    expect(heard).toEqual(['half of it\n']);
    expect(JSON.stringify([await entriesOf(store, 'r'), await threadOf(store, 'r')])).not.toContain('half of it');
  });

  it('AGT-3: a tool that is not parallel has nothing beside it', async () => {
    const far = testSource('far', [listedTool('alpha', { parallel: false }), listedTool('beta')]);
    let running = 0;
    let most = 0;
    far.executes = async () => {
      most = Math.max(most, (running += 1));
      await new Promise(setImmediate);
      running -= 1;
      return said('ok');
    };
    const { agent } = agentOf([[call('beta'), call('alpha'), call('beta')], 'Done.'], [far]);

    await newEngine([agent]).run('a', 'Go');

    expect(most).toBe(1);
    expect(far.calls).toHaveLength(3);
  });
});
