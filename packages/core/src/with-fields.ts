import type { Logger, LogValue } from './logger.ts';

/** The same logger, which adds these fields to each line; those of a line win. */
export function withFields(logger: Logger, fields: Readonly<Record<string, LogValue>>): Logger {
  return {
    debug: (own, message) => logger.debug({ ...fields, ...own }, message),
    info: (own, message) => logger.info({ ...fields, ...own }, message),
    warn: (own, message) => logger.warn({ ...fields, ...own }, message),
    error: (own, message) => logger.error({ ...fields, ...own }, message),
  };
}
