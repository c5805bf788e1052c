import { existsSync } from 'node:fs';
import { PrusikError } from '@prusik/core';

/** `replay`: what is recorded is said again. `record`: the real ones are asked, and it is written down. `off`: nothing is wrapped. */
export type RecordingMode = 'replay' | 'record' | 'off';

/**
 * What a recorder does. It records where that was said, and nowhere by itself: a test that is to run offline must never ask a model because its file is
 * missing.
 *
 * @throws {PrusikError} `RECORDING_REFUSED` where `CI` is set; `RECORDING_MISSING` where there is nothing to play.
 */
export function recordingMode(file: string, given: RecordingMode | undefined, env: NodeJS.ProcessEnv): RecordingMode {
  const { CI: build, PRUSIK_RECORD: asked } = env;
  const mode = given ?? (isSet(asked) ? 'record' : 'replay');
  if (mode === 'record' && isSet(build))
    throw new PrusikError(
      'RECORDING_REFUSED',
      `${file} is not recorded where CI is set: record it at home and commit it`,
    );
  if (mode === 'replay' && !existsSync(file))
    throw new PrusikError('RECORDING_MISSING', `There is no recording ${file}: record it with PRUSIK_RECORD=1`);
  return mode;
}

const isSet = (value: string | undefined): boolean => value !== undefined && !['', '0', 'false'].includes(value);
