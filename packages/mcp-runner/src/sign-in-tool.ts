import {
  CALL_NEEDS_LIMIT,
  hashJson,
  isPrusikError,
  type CallAnswers,
  type CallNeeds,
  type CallResult,
  type SourcedTool,
} from '@prusik/core';
import { readState } from './call-state.ts';
import { signInNeed } from './sign-in-need.ts';

/** A tool that is there as long as a server tells nothing of itself before somebody has signed in. */
export function signInTool(server: string): SourcedTool {
  return {
    name: `${server}_sign_in`,
    description: `Asks the person to sign in at ${server}. Its tools are known after that.`,
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
    hash: hashJson(['sign-in', server]),
    effect: 'repeatable',
    approval: 'never',
    timeoutMs: 60_000,
    maxOutputBytes: 4_096,
  };
}

/** Whether it is that tool, and none of the server's own. */
export const isSignInTool = (server: string, { name, hash }: Pick<SourcedTool, 'name' | 'hash'>): boolean =>
  name === `${server}_sign_in` && hash === signInTool(server).hash;

export interface SignInCall {
  readonly server: string;
  readonly continues: CallAnswers | undefined;
  /** Lists the tools of the server. */
  list(): Promise<unknown>;
}

/** Looks whether the server can be used by now, and asks somebody to sign in where it cannot. */
export async function callSignInTool({ server, continues, list }: SignInCall): Promise<CallResult> {
  const missing = continues && Object.values(continues.answers).find(({ status }) => status !== 'answered');
  if (missing !== undefined) return failed(`Nobody has signed in at ${server} (${missing.status}).`);
  try {
    await list();
    return { type: 'outcome', parts: [`Somebody has signed in at ${server}. Its tools are there now.`] };
  } catch (error) {
    if (!isPrusikError(error, 'MCP_SIGN_IN_REQUIRED')) throw error;
    return signInAgain(error, continues) ?? failed(`${server} still wants somebody to sign in.`);
  }
}

/** A call of which nothing was sent, as one that needs a sign-in; `undefined` for other errors, and where it has asked often enough. */
export function signInAgain(error: unknown, continues: CallAnswers | undefined): CallNeeds | undefined {
  const state = continues === undefined ? undefined : readState(continues.state);
  if (state !== undefined && state.as !== 'again') return undefined;
  const round = (state?.round ?? 0) + 1;
  return round <= CALL_NEEDS_LIMIT.rounds ? signInNeed(error, round) : undefined;
}

const failed = (text: string): CallResult => ({ type: 'outcome', failed: 'MCP_SIGN_IN_REQUIRED', parts: [text] });
