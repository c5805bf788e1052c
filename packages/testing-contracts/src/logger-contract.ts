import assert from 'node:assert/strict';
import type { LogFields, Logger } from '@prusik/core';

/** A logger under test, and what it has written. */
export interface LoggerUnderTest {
  readonly logger: Logger;
  /** All lines so far, each without its newline, once what was logged is written. */
  readonly lines: () => readonly string[] | Promise<readonly string[]>;
}

/** What {@link loggerContract} takes. */
export interface LoggerContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** Makes a logger that writes lines of all four levels as JSON. Called once per test. */
  readonly create: () => LoggerUnderTest | Promise<LoggerUnderTest>;
  /** How long 10,000 lines may hold the caller up, in milliseconds. @default 2_000 */
  readonly withinMs?: number;
}

/** A test of the suite. */
export interface LoggerTest {
  readonly title: string;
  readonly run: (under: LoggerUnderTest, options: { readonly withinMs: number }) => Promise<void>;
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[];
const MANY = 10_000;
const LONG = 1_048_576;

/** Every line as an object; a line that is none is a line that two events share, or that was broken by what an event holds. */
async function written({ lines }: LoggerUnderTest): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return (await lines()).map((line) => {
    const value: unknown = (() => {
      try {
        return JSON.parse(line);
      } catch {
        return assert.fail(`No JSON in a line: ${line.slice(0, 200)}`);
      }
    })();
    assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), `No object: ${line.slice(0, 200)}`);
    return value as Readonly<Record<string, unknown>>;
  });
}

const holds = (line: Readonly<Record<string, unknown>> | undefined, text: string): boolean =>
  Object.values(line ?? {}).includes(text);

/** The suite of loggers, one by one. */
export const LOGGER_TESTS: readonly LoggerTest[] = [
  {
    title: 'TEL-5: each level writes one line, in the order in which they were called, with its message and its fields',
    async run(under) {
      for (const [n, level] of LEVELS.entries())
        under.logger[level]({ event: `event-${n}`, text: 'a', count: n, ok: true, none: null }, `message ${n}`);

      const lines = await written(under);

      assert.equal(lines.length, LEVELS.length);
      for (const [n, line] of lines.entries()) {
        const { event, text, count, ok, none } = line;
        assert.deepEqual(
          { event, text, count, ok, none },
          { event: `event-${n}`, text: 'a', count: n, ok: true, none: null },
        );
        assert.ok(holds(line, `message ${n}`), 'The message is not in its line');
      }
    },
  },
  {
    title: 'TEL-5: a field that is undefined is not written',
    async run(under) {
      under.logger.info({ event: 'a', missing: undefined }, 'm');

      const [line] = await written(under);
      assert.ok(line !== undefined && !('missing' in line), 'It is written');
    },
  },
  {
    title: 'TEL-5: the levels can be told apart',
    async run(under) {
      for (const level of LEVELS) under.logger[level]({ event: 'a' }, 'm');

      const lines = await written(under);
      assert.equal(new Set(lines.map(({ level }) => level)).size, LEVELS.length);
    },
  },
  {
    title: 'I11: what stands in a field or a message makes no line of its own, and takes no place of another field',
    async run(under) {
      const hostile = JSON.parse('{"event":"a","__proto__":"p","constructor":"c","toString":"t"}') as LogFields;
      under.logger.info(
        { ...hostile, text: 'one\n{"event":"forged"}\r\n\u0000\u2028\u001b[2J' },
        'two\n{"event":"forged"}',
      );
      under.logger.info({ event: 'b' }, 'after');

      const lines = await written(under);
      assert.deepEqual(
        lines.map(({ event }) => event),
        ['a', 'b'],
      );
      assert.equal(lines[0]?.['text'], 'one\n{"event":"forged"}\r\n\u0000\u2028\u001b[2J');
    },
  },
  {
    title: 'I9: a very long text throws nothing, and the next line is whole',
    async run(under) {
      under.logger.warn({ event: 'a', text: 'x'.repeat(LONG) }, 'y'.repeat(LONG));
      under.logger.warn({ event: 'b' }, 'after');

      const lines = await written(under);
      assert.deepEqual(
        lines.map(({ event }) => event),
        ['a', 'b'],
      );
    },
  },
  {
    title: 'I9: so many lines at once are all written, and hold nobody up',
    async run(under, { withinMs }) {
      const begun = performance.now();
      for (let n = 0; n < MANY; n += 1) under.logger.info({ event: 'a', n }, 'm');
      const took = performance.now() - begun;

      const lines = await written(under);
      assert.deepEqual(
        lines.map(({ n }) => n),
        Array.from({ length: MANY }, (_, n) => n),
      );
      assert.ok(took <= withinMs, `${MANY} lines took ${Math.round(took)} ms`);
    },
  },
  {
    title: 'AGT-13: a call gives nothing back that somebody would have to wait for, and leaves its fields as they are',
    async run(under) {
      const fields = Object.freeze({ event: 'a', text: 'b' });
      for (const level of LEVELS) {
        const given: unknown = under.logger[level](fields, 'm');
        assert.ok(!(given instanceof Promise), `${level}() gives a promise`);
      }
      assert.equal((await written(under)).length, LEVELS.length);
      assert.deepEqual(fields, { event: 'a', text: 'b' });
    },
  },
];

/** Runs one test of the suite, for a report of its own or a mutant. */
export async function runLoggerTest(test: LoggerTest, contract: Omit<LoggerContract, 'test'>): Promise<void> {
  const { create, withinMs = 2_000 } = contract;
  await test.run(await create(), { withinMs });
}

/** What Prusik relies on in a {@link Logger}: pino, and whatever else takes fields and a message. */
export function loggerContract({ test, ...contract }: LoggerContract): void {
  for (const one of LOGGER_TESTS) test(one.title, () => runLoggerTest(one, contract));
}
