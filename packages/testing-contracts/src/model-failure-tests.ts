import assert from 'node:assert/strict';
import { only, textOf, type ModelTest, type Said } from './model-test.ts';

const failure = (statusCode: number, isRetryable: boolean, headers: Readonly<Record<string, string>> = {}) =>
  Object.assign(new Error(`HTTP ${statusCode}`), { statusCode, isRetryable, responseHeaders: headers });

interface Failure {
  readonly statusCode?: unknown;
  readonly isRetryable?: unknown;
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

/** A reply that was cut off must not look like one that is whole. */
function assertNotWhole({ chunks, thrown }: Said): void {
  const ended = only(chunks, 'finish').some(
    ({ finishReason }) => finishReason.unified !== 'error' && finishReason.unified !== 'other',
  );
  assert.ok(!ended, 'a reply that was cut off ends like a whole one');
  // A stream that merely stops is told from a whole reply by its missing finish.
  assert.ok(
    thrown !== undefined || only(chunks, 'error').length > 0 || only(chunks, 'finish').length === 0,
    'nothing tells that the reply was cut off',
  );
}

export const MODEL_FAILURE_TESTS: readonly ModelTest[] = [
  {
    title: 'AGT-8: a provider without room rejects the call, may be asked again, and says when',
    async run({ model }) {
      const { chunks, thrown } = await (await model([{ reject: failure(429, true, { 'retry-after': '7' }) }])).said();

      const { statusCode, isRetryable, responseHeaders } = (thrown ?? {}) as Failure;
      assert.deepEqual(chunks, []);
      assert.deepEqual([statusCode, isRetryable, responseHeaders?.['retry-after']], [429, true, '7']);
    },
  },
  {
    title: 'AGT-8: a request that the provider calls wrong rejects the call, and is not asked again',
    async run({ model }) {
      const { thrown } = await (await model([{ reject: failure(400, false) }])).said();

      const { statusCode, isRetryable } = (thrown ?? {}) as Failure;
      assert.deepEqual([statusCode, isRetryable], [400, false]);
    },
  },
  {
    title: 'AGT-8: a failure rejects a reply that is asked for as a whole too',
    async run({ model }) {
      await assert.rejects(async () => (await model([{ reject: failure(503, true) }])).whole(), { statusCode: 503 });
    },
  },
  {
    title:
      'AGT-5: an error in the middle of a stream keeps what was said and is told, and the reply does not look whole',
    needs: 'streamErrors',
    async run({ model }) {
      const said = await (await model(['Half', { error: new Error('overloaded') }, { finish: 'none' }])).said();

      assert.equal(textOf(said.chunks, 'text'), 'Half');
      assert.ok(only(said.chunks, 'error').length > 0 || said.thrown !== undefined, 'the error is swallowed');
      assertNotWhole(said);
    },
  },
  {
    title: 'AGT-5: a connection that breaks keeps what was said, and the reply does not look whole',
    async run({ model }) {
      const said = await (
        await model(['Half', { drop: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) }])
      ).said();

      assert.equal(textOf(said.chunks, 'text'), 'Half');
      assertNotWhole(said);
    },
  },
  {
    title: 'AGT-5: half a call is no call',
    needs: 'toolInputs',
    async run({ model }) {
      const said = await (
        await model([
          { type: 'tool-input-start', id: 'c1', toolName: 'look' },
          { type: 'tool-input-delta', id: 'c1', delta: '{"at": "the' },
          { drop: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) },
        ])
      ).said();

      assert.deepEqual(only(said.chunks, 'tool-call'), []);
      assertNotWhole(said);
    },
  },
  {
    title: 'AGT-10: a call that is told to stop before it began rejects, and its reason is not lost',
    async run({ model }) {
      const reason = new Error('enough');
      const { chunks, thrown } = await (await model(['Hi'])).said({ abortSignal: AbortSignal.abort(reason) });

      assert.equal(textOf(chunks, 'text'), '');
      assert.ok(isReason(thrown, reason), 'the call goes on');
    },
  },
  {
    title: 'AGT-10: a stream that is told to stop ends at once, and not like a whole reply',
    async run({ model }) {
      const stop = new AbortController();
      const reason = new Error('enough');
      const never = new Promise<never>(() => {});
      const reader = await (await model(['Half', { until: never }])).stream({ abortSignal: stop.signal });
      let seen = '';
      while (seen === '') {
        const { value } = await reader.read();
        seen += value?.type === 'text-delta' ? value.delta : '';
      }

      stop.abort(reason);
      const chunks = [];
      let thrown: unknown;
      try {
        for (let n = 0; n < 100; n += 1) {
          const { done, value } = await orLate(reader.read());
          if (done) break;
          chunks.push(value);
        }
      } catch (error) {
        thrown = error;
      }

      assert.ok((thrown as Error | undefined)?.message !== LATE, 'the stream does not end');
      assertNotWhole({ chunks, thrown });
    },
  },
  {
    title: 'AGT-8: the call after one that failed is not touched by it',
    async run({ model }) {
      const twice = await model([{ reject: failure(503, true) }], ['Hello']);
      await twice.said();

      assert.equal(textOf((await twice.said()).chunks, 'text'), 'Hello');
    },
  },
];

/** An adapter may wrap the reason in an AbortError, as fetch does. */
const isReason = (thrown: unknown, reason: Error): boolean =>
  thrown === reason ||
  (thrown as Error | undefined)?.name === 'AbortError' ||
  (thrown as Error | undefined)?.cause === reason;

const LATE = 'nothing came within a second';

async function orLate<T>(reading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(LATE)), 1_000);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}
