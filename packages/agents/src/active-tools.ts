import { PrusikError, type DurableContext } from '@prusik/core';
import { scopeOf, type AgentCore, type ListedName, type ListedTool, type OfferedTools } from './agent-core.ts';
import { describeError } from './redact.ts';
import { AUTHOR_TIMEOUT_MS, within } from './within.ts';

/**
 * What a step offers. Asked in the body of the step, which also decides about the calls: so what is refused is recorded, and a replay asks nobody.
 *
 * @throws {PrusikError} `ACTIVE_TOOLS_FAILED` where the agent's choice throws, hangs or names what is not there: offering too much would be a way in.
 */
export async function offeredTools(agent: AgentCore, ctx: DurableContext, step: number): Promise<OfferedTools> {
  const { activeTools, tools, builtIns, offers, clock } = agent;
  if (activeTools === undefined) return offers;
  const listed = [...tools.values()].flatMap(({ name, source }): ListedTool[] =>
    source === undefined ? [] : [{ name: name as ListedName, source }],
  );
  let chosen: readonly string[];
  try {
    chosen = await within(clock, AUTHOR_TIMEOUT_MS, () => activeTools({ ...scopeOf(ctx), step, listed }));
  } catch (cause) {
    throw failed(describeError(cause), cause);
  }
  // Of a program without types it may be anything.
  if (!Array.isArray(chosen)) throw failed('it returned no list');
  const unknown = chosen.findIndex((name) => !tools.has(name));
  if (unknown >= 0) throw failed(`it names ${nameOf(chosen[unknown])}, which the agent does not have`);
  const names = new Set([...chosen, ...builtIns]);
  // In the order of the definition, whatever the order of the choice: equal choices are equal prompts.
  return { names, shown: offers.shown.filter(({ name }) => names.has(name)) };
}

const nameOf = (given: unknown): string =>
  typeof given === 'string' ? JSON.stringify(given) : `a value of type ${typeof given}`;

const failed = (why: string, cause?: unknown): PrusikError =>
  new PrusikError('ACTIVE_TOOLS_FAILED', `The choice of the tools of a step failed: ${why}`, { cause });
