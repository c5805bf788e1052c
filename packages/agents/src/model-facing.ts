import type { JsonObject } from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import type { ModelTool } from './language-model.ts';
import { readSkillTool, skillIndex } from './skill-tool.ts';
import type { Skill } from './skill.ts';
import type { AnyTool } from './tool-types.ts';

/** Index lines cost tokens in every step. */
const SKILLS_LIMIT = 64;

/** What an agent shows a model beside the messages. */
export type ModelFacing = Pick<AgentCore, 'instructions' | 'tools' | 'taken' | 'builtIns' | 'offers' | 'fixedChars'>;

/**
 * Tools, skills and what comes with the agent, checked as what they are for a model: names that it has to tell apart.
 *
 * @throws {TypeError} with everything that is wrong.
 */
export function modelFacing(
  agent: string,
  given: AgentCore['instructions'],
  own: readonly AnyTool[],
  skills: readonly Skill[],
): ModelFacing {
  const builtIns = skills.length === 0 ? [] : [readSkillTool(skills)];
  const problems = [
    ...twoOfOneName([
      ...own.map(({ name }) => ['tool', name] as const),
      ...skills.map(({ name }) => ['skill', name] as const),
      ...builtIns.map(({ name }) => ['built-in tool', name] as const),
    ]),
    ...(skills.length > SKILLS_LIMIT ? [`it has ${skills.length} skills; ${SKILLS_LIMIT} are the most`] : []),
  ];
  if (problems.length > 0) throw new TypeError(`Agent ${agent} cannot work: ${problems.join('; ')}`);
  const tools = [...own, ...builtIns];
  const instructions = withIndex(given, skills);
  const spoken = typeof instructions === 'string' ? instructions : skills.length === 0 ? '' : skillIndex(skills);
  return {
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    taken: new Set([...tools, ...skills].map(({ name }) => name)),
    builtIns: new Set(builtIns.map(({ name }) => name)),
    offers: { names: new Set(tools.map(({ name }) => name)), shown: tools.map(shownAs) },
    instructions,
    fixedChars:
      spoken.length + shownChars(tools.map(({ description, inputJsonSchema }) => [description, inputJsonSchema])),
  };
}

function twoOfOneName(named: readonly (readonly [string, string])[]): readonly string[] {
  const kinds = new Map<string, string>();
  return named.flatMap(([kind, name]) => {
    const other = kinds.get(name);
    kinds.set(name, kind);
    if (other === undefined) return [];
    const both = other === kind ? `two ${kind}s` : `a ${other} and a ${kind}`;
    return [`${both} are named ${name}, which the model could not tell apart: rename one of them`];
  });
}

function withIndex(given: AgentCore['instructions'], skills: readonly Skill[]): AgentCore['instructions'] {
  if (skills.length === 0) return given;
  const index = skillIndex(skills);
  const joined = (said: string): string => (said === '' ? index : `${said}\n\n${index}`);
  return typeof given === 'string' ? joined(given) : async (scope) => joined(await given(scope));
}

/** Length of tools in a prompt, by their descriptions and schemas. */
export const shownChars = (tools: readonly (readonly [string, JsonObject])[]): number => JSON.stringify(tools).length;

/** A tool as a model is shown it. */
export function shownAs({ name, description, inputJsonSchema, provider }: AnyTool): ModelTool {
  if (provider !== undefined) return { type: 'provider', name, id: provider.id, args: provider.args };
  return { type: 'function', name, description, inputSchema: inputJsonSchema };
}
