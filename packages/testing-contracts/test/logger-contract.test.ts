import { consoleLogger, type Logger } from '@prusik/core';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { LOGGER_TESTS, loggerContract, runLoggerTest } from '../src/logger-contract.ts';
import { LOGGER_FAULTS, loggerOf } from './logger-faults.ts';

describe('the logger of the console', () => {
  loggerContract({
    test: it,
    create() {
      const lines: string[] = [];
      return { logger: consoleLogger({ level: 'debug', write: (line) => lines.push(line) }), lines: () => lines };
    },
  });
});

describe('pino', () => {
  loggerContract({
    test: it,
    create() {
      const lines: string[] = [];
      // As it comes: its form is that of the port.
      const logger: Logger = pino({ level: 'debug' }, { write: (line) => void lines.push(line.trimEnd()) });
      return { logger, lines: () => lines };
    },
  });
});

describe('TST-2: the suite for loggers notices one that', () => {
  it.each(LOGGER_FAULTS.map((fault) => [`${fault.name}: ${fault.caughtBy}`, fault] as const))(
    '%s',
    async (_, { caughtBy, write }) => {
      const [test, ...others] = LOGGER_TESTS.filter(({ title }) => title.includes(caughtBy));
      expect(others).toEqual([]);
      if (test === undefined) throw new Error(`There is no test ${caughtBy}`);
      await expect(runLoggerTest(test, { create: () => loggerOf(write) })).rejects.toBeInstanceOf(Error);
    },
  );

  it.each(LOGGER_TESTS.map(({ title }) => title))('has a mutant for: %s', (title) => {
    expect(LOGGER_FAULTS.filter(({ caughtBy }) => title.includes(caughtBy))).not.toEqual([]);
  });

  it('lets a sound one pass', async () => {
    for (const test of LOGGER_TESTS)
      await expect(runLoggerTest(test, { create: () => loggerOf() })).resolves.toBeUndefined();
  });
});
