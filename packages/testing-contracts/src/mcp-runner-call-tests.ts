import assert from 'node:assert/strict';
import { isPrusikError, type PrusikError } from '@prusik/core';
import type { McpRunnerTest, McpRunnerTestBed } from './mcp-runner-test.ts';

const DONE = { type: 'outcome', parts: ['done'] };

/** How a call failed. Whoever calls reads from it whether it may have happened. */
async function failure(call: Promise<unknown>): Promise<PrusikError> {
  const thrown = await call.then(
    (result) => assert.fail(`The call has a result: ${JSON.stringify(result).slice(0, 500)}`),
    (error: unknown) => error,
  );
  if (!isPrusikError(thrown)) throw thrown;
  return thrown;
}

async function inDoubt(bed: McpRunnerTestBed, code: string, happened: readonly string[]): Promise<PrusikError> {
  const error = await failure(bed.call('act', 'one'));
  assert.deepEqual([error.code, error.meta['inDoubt']], [code, true]);
  assert.deepEqual(bed.effects(), happened);
  return error;
}

/** It is over, and is known to be. */
async function failed(call: Promise<unknown>, code: string): Promise<void> {
  const error = await failure(call);
  assert.deepEqual([error.code, error.meta['inDoubt']], [code, undefined], error.message);
}

/** The server goes on, or is started anew. */
async function answersAgain(bed: McpRunnerTestBed): Promise<void> {
  assert.deepEqual(await bed.call('echo', 'again'), { type: 'outcome', parts: ['again'] });
}

/** A call that is written while the server dies is lost; one after that is not. */
async function comesBack(bed: McpRunnerTestBed): Promise<void> {
  for (;;) {
    const code = await bed.call('echo', 'again').then(
      () => undefined,
      (error: unknown) => (isPrusikError(error) ? error.code : String(error)),
    );
    if (code === undefined) return;
    assert.equal(code, 'MCP_CALL_LOST');
  }
}

/** What becomes of calls. */
export const MCP_CALL_TESTS: readonly McpRunnerTest[] = [
  {
    title: 'I4: a call whose server dies before the effect is lost and in doubt, and is not made again',
    kind: 'crash-before-effect',
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_LOST', []);
      await answersAgain(bed);
    },
  },
  {
    title: 'I4: a call whose server dies after the effect is lost and in doubt, and happened once',
    kind: 'crash-after-effect',
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_LOST', ['one']);
      await answersAgain(bed);
      assert.deepEqual(bed.effects(), ['one']);
    },
  },
  {
    title: 'I4: a call whose server of 2025-11-25 dies after the effect is lost and in doubt, and happened once',
    kind: 'crash-after-effect',
    speaks: '2025-11-25',
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_LOST', ['one']);
      await answersAgain(bed);
      assert.deepEqual(bed.effects(), ['one']);
    },
  },
  {
    title: 'I4: a call whose server over HTTP dies after the effect is lost and in doubt, and happened once',
    kind: 'crash-after-effect',
    transport: 'http',
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_LOST', ['one']);
    },
  },
  {
    title: 'I4: a call whose answer over HTTP ends without a result is lost and in doubt, and happened once',
    kind: 'ends-without-answer',
    transport: 'http',
    limits: { callMs: 2_000 },
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_LOST', ['one']);
      await answersAgain(bed);
    },
  },
  {
    title:
      'I4: a call whose answer over HTTP of 2025-11-25 ends without a result is lost and in doubt, and happened once',
    kind: 'ends-without-answer',
    transport: 'http',
    speaks: '2025-11-25',
    limits: { callMs: 2_000 },
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_LOST', ['one']);
      await answersAgain(bed);
    },
  },
  {
    title: 'MCP-2: calls that are under way beside one whose server dies are each in doubt, and none is made again',
    kind: 'crash-after-effect',
    async run(bed) {
      await bed.call('echo', 'ready');
      const calls = await Promise.allSettled(Array.from({ length: 5 }, (_, index) => bed.call('act', `${index}`)));

      const codes = calls.map((one) =>
        one.status === 'rejected' && isPrusikError(one.reason) ? one.reason.code : one.status,
      );
      assert.ok(codes.includes('MCP_CALL_LOST'));
      // Those that were not sent before it died may be sent to the next one, which dies of them too.
      assert.deepEqual(bed.effects().toSorted(), [...new Set(bed.effects())].toSorted());
    },
  },
  {
    title: 'MCP-2: an answer that a server gave before it died counts',
    kind: 'crash-after-answer',
    async run(bed) {
      assert.deepEqual(await bed.call('act', 'one'), DONE);
      assert.deepEqual(bed.effects(), ['one']);
      await comesBack(bed);
    },
  },
  {
    title: 'MCP-2: a call that gives no sign of life ends at callMs, with MCP_CALL_TIMEOUT and in doubt',
    kind: 'hang-in-call',
    limits: { callMs: 300 },
    withinMs: 8_000,
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_TIMEOUT', ['one']);
      await answersAgain(bed);
    },
  },
  {
    title: 'MCP-2: a call over HTTP that gives no sign of life ends at callMs, with MCP_CALL_TIMEOUT and in doubt',
    kind: 'hang-in-call',
    transport: 'http',
    limits: { callMs: 300 },
    withinMs: 8_000,
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_TIMEOUT', ['one']);
      await answersAgain(bed);
    },
  },
  {
    title: 'I9: a call that is given up rejects with the reason, and its late answer reaches nobody',
    kind: 'late-answer',
    async run(bed) {
      const stop = new AbortController();
      const reason = new Error('not needed any more');
      const call = bed.call('act', 'one', { signal: stop.signal });
      call.catch(() => {});
      while (bed.effects().length === 0) await bed.call('echo', 'let it come to the effect');
      stop.abort(reason);

      await assert.rejects(call, (thrown) => thrown === reason);
      for (let times = 0; times < 5; times += 1)
        assert.deepEqual(await bed.call('echo', `${times}`), { type: 'outcome', parts: [`${times}`] });
    },
  },
  {
    title: 'MCP-2: of two answers to one call the first counts, and the second reaches nobody',
    kind: 'two-answers',
    async run(bed) {
      assert.deepEqual(await bed.call('act', 'one'), { type: 'outcome', parts: ['first'] });
      await answersAgain(bed);
      assert.deepEqual(await bed.call('act', 'two'), { type: 'outcome', parts: ['first'] });
      assert.deepEqual(bed.effects(), ['one', 'two']);
    },
  },
  {
    title: 'MCP-2: answers to what nobody has asked reach nobody, whatever their id looks like',
    kind: 'stray-answers',
    async run(bed) {
      assert.deepEqual(await bed.call('act', 'one'), DONE);
      await answersAgain(bed);
    },
  },
  {
    title: 'MCP-2: an answer under another id, were it the text of the right one, is no answer',
    kind: 'string-id',
    limits: { callMs: 300 },
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_TIMEOUT', ['one']);
      await answersAgain(bed);
    },
  },
  {
    title: 'MCP-2: answers in another order reach those who asked',
    kind: 'out-of-order',
    async run(bed) {
      const texts = ['a', 'b', 'c', 'd'];
      const { tools } = await bed.list();
      const tool = tools.find(({ name }) => name === 'bad_echo');
      assert.ok(tool);
      const calls = texts.map((text) => bed.call('echo', text, { tool }));
      const last = bed.call('echo', 'last', { tool });

      const results = await Promise.all([...calls, last]);

      assert.deepEqual(
        results,
        [...texts, 'last'].map((text) => ({ type: 'outcome', parts: [text] })),
      );
    },
  },
  {
    title: 'MCP-2: an answer that is none ends its call with MCP_PROTOCOL_ERROR, and the server goes on',
    kind: 'wrong-result',
    async run(bed) {
      const { tools } = await bed.list();
      const tool = tools.find(({ name }) => name === 'bad_act');
      assert.ok(tool);
      const answers = ['0', '1', '2', '3', '4', '5', '6', '7'];
      for (const answer of answers) {
        await failed(bed.call('act', answer, { tool }), 'MCP_PROTOCOL_ERROR');
        await answersAgain(bed);
      }
      assert.deepEqual(bed.effects(), answers);
    },
  },
  {
    title: 'MCP-2: a part of a result that nobody knows costs the other parts nothing',
    kind: 'unknown-content',
    async run(bed) {
      const result = await bed.call('act', 'one');

      assert.equal(result.type, 'outcome');
      assert.ok(result.type === 'outcome' && result.parts.includes('known'), JSON.stringify(result));
      assert.deepEqual(bed.effects(), ['one']);
    },
  },
  {
    title: 'MCP-2: a result that is too deep to be read is an outcome that says so, with MCP_PROTOCOL_ERROR',
    kind: 'deep-result',
    limits: { messageBytes: 1024 * 1024 },
    async run(bed) {
      const result = await bed.call('act', 'one');

      assert.ok(result.type === 'outcome');
      assert.equal(result.failed, 'MCP_PROTOCOL_ERROR');
      assert.deepEqual(bed.effects(), ['one']);
      await answersAgain(bed);
    },
  },
  {
    title: 'MCP-2: an answer that comes a byte at a time ends at totalMs, with MCP_CALL_TIMEOUT and in doubt',
    kind: 'slow-drip',
    limits: { callMs: 600, totalMs: 1_000 },
    withinMs: 8_000,
    async run(bed) {
      await inDoubt(bed, 'MCP_CALL_TIMEOUT', ['one']);
    },
  },
  {
    title:
      'MCP-2: an answer of more than messageBytes ends its call, lost and in doubt, and the server is started anew',
    kind: 'giant-message',
    async run(bed) {
      const error = await inDoubt(bed, 'MCP_CALL_LOST', ['one']);
      assert.equal(error.meta['reason'], 'MCP_MESSAGE_TOO_LARGE');
      await answersAgain(bed);
    },
  },
  {
    title: 'MCP-2: an answer over HTTP of more than messageBytes ends its call, lost and in doubt',
    kind: 'giant-message',
    transport: 'http',
    async run(bed) {
      const error = await inDoubt(bed, 'MCP_CALL_LOST', ['one']);
      assert.equal(error.meta['reason'], 'MCP_MESSAGE_TOO_LARGE');
      await answersAgain(bed);
    },
  },
  {
    title: 'MCP-2: a message that never ends is cut off at messageBytes, and its call is lost and in doubt',
    kind: 'endless-message',
    async run(bed) {
      const error = await inDoubt(bed, 'MCP_CALL_LOST', ['one']);
      assert.equal(error.meta['reason'], 'MCP_MESSAGE_TOO_LARGE');
      await answersAgain(bed);
    },
  },
  {
    title: 'MCP-2: lines that are no messages, NUL and broken text among them, cost nothing as long as they are few',
    kind: 'broken-messages',
    async run(bed) {
      assert.deepEqual(await bed.call('act', 'one'), DONE);
      assert.deepEqual(bed.effects(), ['one']);
    },
  },
  {
    title: 'MCP-2: a hundred calls at once each get their own answer',
    kind: 'well',
    async run(bed) {
      const { tools } = await bed.list();
      const tool = tools.find(({ name }) => name === 'bad_echo');
      assert.ok(tool);
      const texts = Array.from({ length: 100 }, (_, index) => `call ${index}`);

      const results = await Promise.all(texts.map((text) => bed.call('echo', text, { tool })));

      assert.deepEqual(
        results,
        texts.map((text) => ({ type: 'outcome', parts: [text] })),
      );
    },
  },
];
