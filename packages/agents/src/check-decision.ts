import { describeIssues, isNeed, type ApprovalBody, type Clock, type Decision, type Request } from '@prusik/core';
import { answerIssue } from './ask-needs.ts';
import type { AnyTool } from './tool-types.ts';
import { validate } from './validate.ts';

/** Why an edit or an answer does not fit the tool that it is for, by the tool's own schema; of a tool that is gone nothing can be said. */
export async function checkDecision(
  tools: ReadonlyMap<string, AnyTool>,
  clock: Clock,
  { kind, body, schema: needed }: Request,
  { status, value = null }: Omit<Decision, 'at'>,
): Promise<string | undefined> {
  if (isNeed({ body }))
    return status === 'edited' ? 'the prompt of a tool is sent as it is, or not' : answerIssue(value, needed);
  const { tool: name = '', source } = (body ?? {}) as Partial<ApprovalBody>;
  // What a source has listed comes with the request, and has been checked by that.
  const tool = source === undefined ? tools.get(name) : undefined;
  const schema = kind === 'approval' ? tool?.input : tool?.asks?.answer;
  if (schema === undefined || kind === 'intervention') return undefined;
  const { issues } = await validate(schema, value, clock);
  return issues && describeIssues(issues);
}
