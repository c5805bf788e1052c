import type { LogFields, Logger } from './logger.ts';
import { unawaited } from './unawaited.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[];

/** A logger that harms nobody: what the given one throws or rejects with is told once as a process warning, without its words, and never again. @throws {TypeError} for what lacks a level */
export function safeLogger(logger: Logger): Logger {
  for (const level of LEVELS)
    if (typeof (logger as Partial<Logger> | null)?.[level] !== 'function')
      throw new TypeError(`The logger has no method ${level}: give console, a pino logger or consoleLogger()`);
  let isTold = false;
  const failed = (): void => {
    if (isTold) return;
    isTold = true;
    process.emitWarning('A logger failed; its other failures are not told', {
      type: 'PrusikWarning',
      code: 'LOGGER_FAILED',
    });
  };
  const guarded =
    (level: keyof Logger) =>
    (fields: LogFields, message: string): void => {
      try {
        unawaited(logger[level](fields, message), failed);
      } catch {
        failed();
      }
    };
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') };
}
