import { errorFields, safeLogger, unawaited, type Logger } from '@prusik/core';
import type { EngineWarning } from './engine-types.ts';

/** Who hears what no caller is there to hear. */
export interface WarningsTo {
  readonly onWarning?: ((warning: EngineWarning) => void) | undefined;
  readonly logger?: Logger | undefined;
}

/** Somebody has to look at these. */
const SERIOUS: ReadonlySet<string> = new Set(['RUN_POISONED', 'STEP_NOT_RECORDED', 'STORE_CORRUPT']);

/**
 * Tells warnings to `onWarning`; without it to the logger; without that to the process. Whoever is told must not change what becomes of a run: what it throws is
 * told to the process once for each code, without its words.
 */
export function warningsTo({ onWarning, logger }: WarningsTo): (warning: EngineWarning) => void {
  const tell = onWarning ?? (logger === undefined ? warnOnProcess : warnOn(safeLogger(logger)));
  const told = new Set<string>();
  const failed = (code: string): void => {
    if (told.has(code)) return;
    told.add(code);
    process.emitWarning(`onWarning failed when it was told of ${code}`, { type: 'PrusikWarning', code });
  };
  return (warning) => {
    try {
      unawaited(tell(warning), () => failed(warning.code));
    } catch {
      failed(warning.code);
    }
  };
}

/** The cause by its code alone: its words may be anybody's. */
function warnOn(logger: Logger): (warning: EngineWarning) => void {
  return ({ code, message, run, cause }) => {
    const fields = {
      event: 'warning',
      code,
      tenant: run?.tenant,
      run: run?.run,
      cause: cause === undefined ? undefined : errorFields(cause).code,
    };
    if (SERIOUS.has(code)) logger.error(fields, message);
    else logger.warn(fields, message);
  };
}

function warnOnProcess({ code, message }: EngineWarning): void {
  process.emitWarning(message, { type: 'PrusikWarning', code });
}
