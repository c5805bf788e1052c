import { PrusikError, type JsonObject, type StandardSchema, type TurnOptions } from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import { schemaOf, standardSchema } from './json-schema.ts';

/** The agent as one turn asks for it. */
export function forTurn(agent: AgentCore, { output: given, mode, whenExhausted }: TurnOptions = {}): AgentCore {
  const { output: own, ...rest } = agent;
  const plain = whenExhausted === undefined ? rest : { ...rest, runLimits: { ...rest.runLimits, whenExhausted } };
  if (mode === 'conversation') return plain;
  const output = given === undefined ? own : outputOf(schemaOf(given), given);
  if (mode === 'task') return { ...plain, output: asTask(output ?? outputOf(schemaOf(TEXT), TEXT)) };
  return output === undefined ? plain : { ...plain, output };
}

type AgentOutput = NonNullable<AgentCore['output']>;

const TEXT: JsonObject = { type: 'string' };

const outputOf = (schema: StandardSchema, json: JsonObject): AgentOutput => ({ schema, json });

/** Both are always there, since providers that are strict about schemas know no optional property. */
interface TaskReply {
  readonly output: unknown;
  readonly error: string | null;
}

/** What the model replies at the end of a task: an output, or why there is none. */
function asTask({ schema, json }: AgentOutput): AgentOutput {
  const { $defs, definitions, ...own } = json;
  const reply: JsonObject = {
    type: 'object',
    properties: {
      output: { anyOf: [own, { type: 'null' }], description: 'The result of the task; null if it cannot be done.' },
      error: {
        anyOf: [TEXT, { type: 'null' }],
        description: 'Why the task cannot be done; null if it is done. Nobody is there to answer a question.',
      },
    },
    required: ['output', 'error'],
    additionalProperties: false,
    // What refers to them begins at the root.
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
  };
  const checked = standardSchema(async (value) => {
    const { output, error } = (typeof value === 'object' ? (value ?? {}) : {}) as Partial<TaskReply>;
    if (typeof error === 'string' && error.trim() !== '') return { value: { output: null, error } };
    const result = await schema['~standard'].validate(output);
    if (result.issues === undefined) return { value: { output: result.value, error: null } };
    return { issues: result.issues.map((issue) => ({ ...issue, path: ['output', ...(issue.path ?? [])] })) };
  });
  return {
    ...outputOf(checked, reply),
    finish(value) {
      const { output, error } = value as TaskReply;
      if (error === null) return output;
      throw new PrusikError('AGENT_TASK_FAILED', `The task could not be done: ${error}`);
    },
  };
}
