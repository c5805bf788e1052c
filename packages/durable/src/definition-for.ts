import type { DurableDefinition, RunSummary } from '@prusik/core';
import type { DriveEnv } from './drive-env.ts';

/** The definition here that may go on with this run: of its version, or one that continues it. */
export function definitionFor(
  { definitions }: DriveEnv,
  { definition: name, version }: Pick<RunSummary, 'definition' | 'version'>,
): DurableDefinition<never, unknown, unknown> | undefined {
  const found = definitions.get(name);
  return found?.version === version || found?.continues?.includes(version) === true ? found : undefined;
}
