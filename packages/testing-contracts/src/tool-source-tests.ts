import assert from 'node:assert/strict';
import { isInDoubt, isPrusikError, type CallOutcome, type CallResult, type ToolListing } from '@prusik/core';
import type { ToolSourceTest } from './tool-source-test.ts';

/** How long a source may take to give up, or to see that it cannot, in milliseconds of real time. */
const WITHIN_MS = 15_000;

async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `${what}: nothing in ${WITHIN_MS} ms` })),
      WITHIN_MS,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What it gives; to reject is a failure of the source. */
async function given<T>(what: string, work: Promise<T>): Promise<T> {
  const [end] = await inTime(what, Promise.allSettled([work]));
  if (end?.status === 'fulfilled') return end.value;
  throw new assert.AssertionError({ message: `${what}: it rejects with ${String(end?.reason)}` });
}

/** What it rejects with. */
async function rejection(what: string, work: Promise<unknown>): Promise<unknown> {
  const [end] = await inTime(what, Promise.allSettled([work]));
  assert.ok(end?.status === 'rejected', `${what}: it did not reject`);
  return end.reason;
}

async function begun(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A refusal, or a failure that is over: nothing happened of which nobody knows. */
async function definite(what: string, work: Promise<unknown>): Promise<void> {
  const error = await rejection(what, work);
  assert.ok(isPrusikError(error), `${what}: it rejects with ${String(error)}, which has no code`);
  assert.ok(!isInDoubt(error), `${what}: it says that it may have happened: ${error.code}`);
}

function outcome(result: CallResult): CallOutcome {
  assert.equal(result?.type, 'outcome');
  return result as CallOutcome;
}

const textOf = ({ parts }: CallOutcome): string =>
  parts.flatMap((part) => (typeof part === 'string' ? [part] : part.type === 'text' ? [part.text] : [])).join('\n');

function nothing({ tools, withheld }: ToolListing): void {
  assert.deepEqual(tools, [], 'It lists what nobody can call now');
  assert.notEqual(withheld.length, 0, 'It lists nothing, and does not say why');
  for (const { code, reason } of withheld) {
    assert.ok(typeof code === 'string' && code !== '', 'What is withheld has no code');
    assert.ok(typeof reason === 'string' && reason !== '', 'What is withheld has no reason');
  }
}

export const TOOL_SOURCE_TESTS: readonly ToolSourceTest[] = [
  {
    title: 'AGT-16: list() gives tools that a model can call and a record can hold, each name once',
    async run({ list, tools: its }) {
      const { tools, withheld } = await list();
      assert.deepEqual(JSON.parse(JSON.stringify({ tools, withheld })), { tools, withheld });
      assert.equal(new Set(tools.map(({ name }) => name)).size, tools.length);
      for (const tool of tools) {
        assert.match(tool.name, /^[a-zA-Z0-9_-]{1,64}$/);
        assert.equal(typeof tool.description, 'string');
        assert.equal(tool.inputSchema['type'], 'object');
        assert.ok(typeof tool.hash === 'string' && tool.hash !== '', 'A tool has no hash');
        assert.ok(['repeatable', 'keyed', 'once'].includes(tool.effect), `${tool.effect} is no effect`);
        assert.ok(['never', 'once', 'always'].includes(tool.approval), `${tool.approval} is no approval`);
        for (const limit of [tool.timeoutMs, tool.maxOutputBytes])
          assert.ok(Number.isSafeInteger(limit) && limit > 0, `${limit} is no limit`);
      }
      for (const name of Object.values(its))
        assert.ok(
          tools.some((tool) => tool.name === name),
          `${name} is missing`,
        );
    },
  },
  {
    title: 'AGT-9: list() gives the same to the byte as long as nothing changes, to many that ask at once too',
    async run({ list }) {
      const first = JSON.stringify(await list());
      const more = [await list(), ...(await Promise.all(Array.from({ length: 8 }, () => list())))];
      for (const listing of more) assert.equal(JSON.stringify(listing), first);
    },
  },
  {
    title: 'AGT-9: list() gives the tools in the order of their names',
    async run({ list }) {
      const names = (await list()).tools.map(({ name }) => name);
      assert.deepEqual(
        names,
        names.toSorted((a, b) => (a < b ? -1 : 1)),
      );
    },
  },
  {
    title:
      'MCP-3: a tool that says another thing of itself has another hash, or is withheld; the others stay as they are',
    async run({ list, tool, tools: { echo, fail }, change }) {
      const [before, other] = [await tool(echo), await tool(fail)];
      await change();
      const { tools, withheld } = await list();
      const after = tools.find(({ name }) => name === echo);
      if (after === undefined)
        assert.ok(
          withheld.some((one) => one.tool === echo),
          'It is gone without a word',
        );
      else assert.notEqual(after.hash, before.hash, 'change() has ended, and the hash is that of before');
      assert.deepEqual(await tool(fail), other);
    },
  },
  {
    title: 'MCP-3: call() refuses a hash that is not that of the tool, and executes nothing',
    async run({ call, tool, tools: { echo }, change, executions }) {
      const before = await tool(echo);
      const input = { text: 'x' };
      await definite('another hash', call({ ...before, hash: `${before.hash}x` }, { input }));
      await change();
      await definite('the hash of before', call(before, { input }));
      assert.equal(await executions(echo), 0);
    },
  },
  {
    title: 'AGT-16: call() refuses a tool that there is not',
    async run({ call, tool, tools: { echo } }) {
      await definite('no such tool', call({ ...(await tool(echo)), name: 'no_such_tool' }));
    },
  },
  {
    title: 'AGT-16: call() executes a call once, and gives what the tool says',
    async run({ call, tool, tools: { echo }, executions }) {
      const result = outcome(await call(await tool(echo), { input: { text: 'äöü ☃ 𝄞 "x"\n' } }));
      assert.equal(result.failed, undefined);
      assert.match(textOf(result), /äöü ☃ 𝄞 "x"/);
      assert.equal(await executions(echo), 1);
    },
  },
  {
    title: 'AGT-3: calls beside each other get their own results',
    async run({ call, tool, tools: { echo }, executions }) {
      const listed = await tool(echo);
      const texts = Array.from({ length: 20 }, (_, n) => `text-${n}-`);
      const results = await Promise.all(texts.map((text) => call(listed, { input: { text } })));
      assert.deepEqual(
        results.map((result) => /text-\d+-/.exec(textOf(outcome(result)))?.[0]),
        texts,
      );
      assert.equal(await executions(echo), texts.length);
    },
  },
  {
    title: 'AGT-3: what a tool says of its failure is an outcome with a code',
    async run({ call, tool, tools: { fail } }) {
      const result = outcome(await given('a call', call(await tool(fail))));
      assert.ok(typeof result.failed === 'string' && result.failed !== '', 'It does not say that it failed');
      assert.notEqual(textOf(result), '');
    },
  },
  {
    title: 'AGT-4: a call that is given up rejects with the reason, at once, and what comes after it goes on',
    async run({ call, tool, tools: { wait, echo }, executions }) {
      const controller = new AbortController();
      const reason = new Error('given up');
      const waiting = rejection('a call that is given up', call(await tool(wait), { signal: controller.signal }));
      await inTime(
        'a call that waits',
        begun(async () => (await executions(wait)) > 0),
      );
      controller.abort(reason);
      assert.equal(await waiting, reason);
      assert.match(textOf(outcome(await call(await tool(echo), { input: { text: 'after' } }))), /after/);
    },
  },
  {
    title: 'AGT-4: a call that was given up before it began rejects with the reason, and executes nothing',
    async run({ call, tool, tools: { echo }, executions }) {
      const reason = new Error('given up');
      const signal = AbortSignal.abort(reason);
      assert.equal(await rejection('a call', call(await tool(echo), { input: { text: 'x' }, signal })), reason);
      assert.equal(await executions(echo), 0);
    },
  },
  {
    title: 'AGT-16: a listing that was given up rejects with the reason',
    async run({ list }) {
      const reason = new Error('given up');
      assert.equal(await rejection('a listing', list(AbortSignal.abort(reason))), reason);
    },
  },
  {
    title: 'MCP-2, DUR-5: a call of which nobody knows what became of it is in doubt, and is not executed again',
    async run({ call, tool, tools: { vanish }, executions }) {
      const listed = await tool(vanish);
      assert.equal(listed.effect, 'once');
      const error = await rejection('a call whose end nobody knows', call(listed));
      assert.ok(isInDoubt(error), `It rejects with ${String(error)}, which says that it is over`);
      assert.equal(await executions(vanish), 1);
    },
  },
  {
    title: 'MCP-2: a source that has lost what it lives on lists nothing and says why, and calls surely did not happen',
    async run({ list, call, tool, tools: { echo }, lose, executions }) {
      const listed = await tool(echo);
      await lose();
      nothing(await given('list()', list()));
      await definite('a call', call(listed, { input: { text: 'x' } }));
      assert.equal(await executions(echo), 0);
    },
  },
  {
    title: 'AGT-16: a source that is closed lists nothing and says why, and calls nothing; it can be closed twice',
    async run({ list, call, tool, tools: { echo }, dispose, executions }) {
      const listed = await tool(echo);
      await dispose();
      await dispose();
      nothing(await given('list()', list()));
      await definite('a call', call(listed, { input: { text: 'x' } }));
      assert.equal(await executions(echo), 0);
    },
  },
  {
    title: 'AGT-16: a call that needs something says so, and goes on with the answers',
    needs: 'asks',
    async run({ call, tool, tools: { ask = '' }, answer = 'the answer' }) {
      const listed = await tool(ask);
      const result = await call(listed, { callId: 'asks' });
      assert.ok(result.type === 'needs', 'It needs nothing');
      const names = Object.keys(result.needs);
      assert.equal(names.length, 1);
      const { needs, state } = result;
      assert.deepEqual(JSON.parse(JSON.stringify({ needs, state })), { needs, state });
      assert.ok(Buffer.byteLength(JSON.stringify(state)) <= 65_536, 'Its state is too large');

      const answers = { [names[0] ?? '']: { status: 'answered', value: answer } } as const;
      const after = await call(listed, { callId: 'asks', continues: { state, answers } });

      assert.match(textOf(outcome(after)), /the answer/);
    },
  },
];
