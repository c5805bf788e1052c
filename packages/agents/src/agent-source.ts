import { checkOptions, type ToolSource } from '@prusik/core';
import { SOURCE_LIMITS } from './source-limits.ts';

/** A source of tools as an agent has it. */
export interface AgentSource {
  readonly source: ToolSource;
  /**
   * Where it can list nothing, or says of something without a name that it is kept back, the model call fails with the code of that, and is made again as one
   * whose model failed. @default false: the call is made without
   */
  readonly required: boolean;
}

/** What an agent is given: a source, or one with how much it needs it. */
export type GivenSource = ToolSource | (Pick<AgentSource, 'source'> & Partial<AgentSource>);

const KNOWN = { names: { source: true, required: true } satisfies Record<keyof AgentSource, true> };

/** @throws {TypeError} for what is no source, two of one name, and one too many. */
export function checkSources(agent: string, given: readonly GivenSource[]): readonly AgentSource[] {
  if (!Array.isArray(given))
    throw new TypeError(`Agent ${agent}: sources must be a list; each source has its own name`);
  if (given.length > SOURCE_LIMITS.sources)
    throw new TypeError(`Agent ${agent}: it has ${given.length} sources; ${SOURCE_LIMITS.sources} are the most`);
  const names = new Set<string>();
  return (given as readonly GivenSource[]).map((one, index) => {
    const source = sourceOf(agent, one, index);
    if (names.has(source.name)) throw new TypeError(`Agent ${agent}: two of its sources are named ${source.name}`);
    names.add(source.name);
    return { source, required: 'source' in one && one.required === true };
  });
}

function sourceOf(agent: string, given: GivenSource, index: number): ToolSource {
  const isOption = typeof given === 'object' && given !== null && 'source' in given;
  if (isOption) checkOptions(`Agent ${agent}: source ${index + 1}`, given, KNOWN);
  // Of a program without types it may be anything.
  const source = (isOption ? given.source : given) as Partial<ToolSource> | null | undefined;
  if (typeof source?.list !== 'function' || typeof source.call !== 'function')
    throw new TypeError(`Agent ${agent}: source ${index + 1} is no source of tools: it has no list() or no call()`);
  const { name } = source;
  if (typeof name !== 'string' || name === '' || name.length > SOURCE_LIMITS.nameCharacters)
    throw new TypeError(
      `Agent ${agent}: source ${index + 1} must have a name of 1 to ${SOURCE_LIMITS.nameCharacters} characters`,
    );
  return source as ToolSource;
}
