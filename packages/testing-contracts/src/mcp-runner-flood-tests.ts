import assert from 'node:assert/strict';
import { isPrusikError } from '@prusik/core';
import type { McpRunnerTest, McpRunnerTestBed } from './mcp-runner-test.ts';

/** Both tools answer, again and again, while the server floods. */
async function answersAllTheSame(bed: McpRunnerTestBed): Promise<void> {
  for (const text of ['one', 'two', 'three'])
    assert.deepEqual(await bed.call('act', text), { type: 'outcome', parts: ['done'] });
  assert.deepEqual(
    bed.effects().filter((what) => what !== 'listed'),
    ['one', 'two', 'three'],
  );
}

/** The server says a thousand times a second that its tools are others. */
async function asksNowAndThen(bed: McpRunnerTestBed): Promise<void> {
  await answersAllTheSame(bed);
  const listed = bed.effects().filter((what) => what === 'listed').length;
  assert.ok(listed <= 20, `It was asked ${listed} times`);
}

async function lostAt(bed: McpRunnerTestBed): Promise<readonly unknown[]> {
  const thrown: unknown = await bed.call('act', 'one').then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.deepEqual(bed.effects(), ['one']);
  return isPrusikError(thrown) ? [thrown.code, thrown.meta['inDoubt'], thrown.meta['reason']] : [thrown];
}

/** Servers that say too much. */
export const MCP_FLOOD_TESTS: readonly McpRunnerTest[] = [
  {
    title: 'MCP-2: progress is a sign of life, and a call that reports it for ever ends at totalMs, in doubt',
    kind: 'progress-flood',
    limits: { callMs: 400, totalMs: 1_200 },
    withinMs: 8_000,
    async run(bed) {
      const { tools } = await bed.list();
      const tool = tools.find(({ name }) => name === 'bad_act');
      assert.ok(tool);
      let told = 0;
      const begun = performance.now();
      const thrown: unknown = await bed
        .call('act', 'one', { tool, onProgress: () => (told += 1) })
        .catch((error: unknown) => error);

      assert.ok(isPrusikError(thrown, 'MCP_CALL_TIMEOUT'), String(thrown));
      assert.deepEqual([thrown.meta['inDoubt'], bed.effects()], [true, ['one']]);
      assert.ok(performance.now() - begun >= 1_200, 'It was given up while it reported progress');
      // Whoever watches is told now and then, and not of each.
      assert.ok(told > 0 && told < 200, `${told} reports were told`);
    },
  },
  {
    title: 'MCP-2: messages for the log without end cost no call',
    kind: 'log-flood',
    run: answersAllTheSame,
  },
  {
    title: 'MCP-2: a server that says without end that its tools are others costs no call, and is not asked each time',
    kind: 'list-changed-flood',
    run: asksNowAndThen,
  },
  {
    title:
      'MCP-2: a server of 2025-11-25 that says without end that its tools are others costs no call, and is not asked each time',
    kind: 'list-changed-flood',
    speaks: '2025-11-25',
    run: asksNowAndThen,
  },
  {
    title: 'MCP-2: hundreds of requests of a server at once cost no call',
    kind: 'request-flood',
    speaks: '2025-11-25',
    run: answersAllTheSame,
  },
  {
    title: 'MCP-2: a server that asks without end and reads no answers is stopped, and its call is lost and in doubt',
    kind: 'unread-answers',
    speaks: '2025-11-25',
    async run(bed) {
      assert.deepEqual(await lostAt(bed), ['MCP_CALL_LOST', true, 'MCP_PROTOCOL_ERROR']);
    },
  },
  {
    title: 'MCP-2: of thousands of questions of a server a person is asked a few',
    kind: 'question-flood',
    speaks: '2025-11-25',
    limits: { callMs: 2_000, totalMs: 4_000 },
    async run(bed) {
      const result = await bed.call('act', 'one');

      assert.equal(result.type, 'needs');
      const count = result.type === 'needs' ? Object.keys(result.needs).length : 0;
      assert.ok(count >= 1 && count <= 16, `${count} questions`);
      assert.deepEqual(bed.effects(), ['one']);
    },
  },
  {
    title: 'MCP-2: what is written to stderr without end is read, and its server is not stopped by it',
    kind: 'stderr-flood',
    run: answersAllTheSame,
  },
  {
    title:
      'MCP-2: a server that begins to write lines that are no messages is stopped at garbageLines, and its call is lost and in doubt',
    kind: 'garbage-in-call',
    async run(bed) {
      assert.deepEqual(await lostAt(bed), ['MCP_CALL_LOST', true, 'MCP_PROTOCOL_ERROR']);
    },
  },
  {
    title:
      'MCP-2: a server over HTTP that asks to be asked again at once, for ever, is asked now and then until callMs, in doubt',
    kind: 'reconnect-storm',
    transport: 'http',
    limits: { callMs: 1_000 },
    async run(bed) {
      const thrown: unknown = await bed.call('act', 'one').catch((error: unknown) => error);

      assert.ok(isPrusikError(thrown, 'MCP_CALL_TIMEOUT'), String(thrown));
      assert.equal(thrown.meta['inDoubt'], true);
      const [happened, ...again] = bed.effects();
      assert.equal(happened, 'one');
      assert.deepEqual([...new Set(again)], ['again']);
      assert.ok(again.length <= 20, `It was asked ${again.length} times in a second`);
    },
  },
];
