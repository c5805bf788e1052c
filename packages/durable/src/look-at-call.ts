import {
  checkCallOptions,
  hashJson,
  PrusikError,
  refusedCall,
  type CallOptions,
  type Json,
  type NewRun,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import { childRun } from './child-run.ts';
import type { DriveCore } from './drive-core.ts';
import { parseInput } from './run-opening.ts';

/** A child as the function asks for it. */
export interface ChildCall {
  readonly key: string;
  readonly definition: string;
  readonly input: Json;
  readonly options: CallOptions;
  /** Number of the last message of the caller's thread that the child's begins with; missing where it begins with none. */
  readonly upTo: number | undefined;
}

/** A call that is in order. */
export interface CheckedCall {
  readonly fingerprint: string;
  /** The run to start; not of a child that is on record. */
  readonly child: () => NewRun;
}

/** Everything about a call of a child that can be wrong. What is on record was in order when it was started. */
export async function lookAtCall(
  { env, run, delivery, putBlob, observed }: DriveCore,
  { key, definition, input, options, upTo }: ChildCall,
): Promise<CheckedCall> {
  const { limits } = env;
  // Of what was asked for, not of what the schema makes of it: a default may differ from replay to replay.
  const given = bounded(`input of child ${key}`, input, limits.maxValueBytes, 'RUN_INPUT_TOO_LARGE');
  const { workspace = 'none' } = options;
  const more = [
    ...(upTo === undefined ? [] : ['snapshot']),
    ...(workspace === 'none' ? [] : [`workspace: ${workspace}`]),
  ];
  const fingerprint = hashJson([definition, given, ...more]);
  if (delivery.isOnRecord(key)) return { fingerprint, child: notStarted };
  checkCallOptions(`child ${key}`, options);
  const found = env.definitions.get(definition);
  if (found === undefined) {
    const message = `There is no definition named ${definition} here: give the engine withChildren(…) of its caller, or a harness, which also makes those with other models`;
    throw new PrusikError('NO_DEFINITION', message, { meta: { definition } });
  }
  const levels = run.rights?.levels ?? limits.maxDepth - run.depth;
  if (!(levels > 0)) throw refusedCall('max_depth', { agent: definition, key });
  const parsed = await parseInput(found, input, limits, putBlob);
  const child = childRun(run, key, found, parsed, options, limits, observed()?.trace);
  return { fingerprint, child: () => (upTo === undefined ? child : { ...child, history: { upTo } }) };
}

function notStarted(): never {
  throw new TypeError('A child that is on record is not started again');
}
