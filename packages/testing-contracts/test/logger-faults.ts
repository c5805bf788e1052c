import type { LogFields, Logger } from '@prusik/core';
import type { LoggerUnderTest } from '../src/logger-contract.ts';

type Level = keyof Logger;
type Write = (level: Level, fields: LogFields, message: string, lines: string[]) => unknown;

const json: Write = (level, fields, message, lines) => void lines.push(JSON.stringify({ ...fields, level, message }));

export function loggerOf(write: Write = json): LoggerUnderTest {
  const lines: string[] = [];
  const at =
    (level: Level) =>
    (fields: LogFields, message: string): void =>
      // What a program without types may do.
      write(level, fields, message, lines) as void;
  return { logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines: () => lines };
}

/** Loggers that are broken on purpose, and the test that notices. */
export const LOGGER_FAULTS: readonly { readonly name: string; readonly caughtBy: string; readonly write: Write }[] = [
  {
    name: 'drops what is below info',
    caughtBy: 'each level writes one line',
    write: (level, ...rest) => (level === 'debug' ? undefined : json(level, ...rest)),
  },
  {
    name: 'leaves the fields out',
    caughtBy: 'each level writes one line',
    write: (level, { event }, ...rest) => json(level, { event }, ...rest),
  },
  {
    name: 'leaves the message out',
    caughtBy: 'each level writes one line',
    write: (level, fields, _, lines) => json(level, fields, '', lines),
  },
  {
    name: 'writes undefined as null',
    caughtBy: 'a field that is undefined is not written',
    write: (level, fields, message, lines) =>
      void lines.push(JSON.stringify({ ...fields, level, message }, (_, value: unknown) => value ?? null)),
  },
  {
    name: 'has one level for all',
    caughtBy: 'the levels can be told apart',
    write: (_, ...rest) => json('info', ...rest),
  },
  {
    name: 'breaks a line where a text does',
    caughtBy: 'makes no line of its own',
    write: (level, fields, message, lines) =>
      void lines.push(
        ...JSON.stringify({ ...fields, level, message })
          .replaceAll('\\n', '\n')
          .split('\n'),
      ),
  },
  {
    name: 'takes what a text says for fields',
    caughtBy: 'makes no line of its own',
    write: (level, { text, ...fields }, message, lines) =>
      json(level, { ...fields, ...(typeof text === 'string' ? { event: 'forged' } : {}) }, message, lines),
  },
  {
    name: 'throws at a long text',
    caughtBy: 'a very long text throws nothing',
    write(level, fields, message, lines) {
      if (message.length > 65_536) throw new RangeError('too long');
      json(level, fields, message, lines);
    },
  },
  {
    name: 'loses lines when there are many',
    caughtBy: 'so many lines at once are all written',
    write(level, fields, message, lines) {
      if (lines.length < 1_000) json(level, fields, message, lines);
    },
  },
  {
    name: 'gives a promise',
    caughtBy: 'gives nothing back',
    write: async (...line) => json(...line),
  },
  {
    name: 'writes into the fields',
    caughtBy: 'gives nothing back',
    write(level, fields, message, lines) {
      json(level, Object.assign(fields, { level }), message, lines);
    },
  },
];
