import { CALL_NEEDS_LIMIT, PrusikError, type CallAnswer, type CallNeeds } from '@prusik/core';
import { askRefused, needsOf } from './call-state.ts';
import { readAsk, type AskOptions } from './needs.ts';
import { isObject, listOf } from './plain.ts';

const URL_REQUIRED = -32_042;

/**
 * What a server wants that refuses a call until somebody has been at an address (revision 2025-11-25): the call did not happen, and is made once more.
 * `undefined` for every other error.
 *
 * @throws {PrusikError} `MCP_ASK_REFUSED` for an address that nobody is sent to.
 */
export function requiredUrls(cause: unknown, round: number, options: AskOptions): CallNeeds | undefined {
  const { code, data } = (cause ?? {}) as { readonly code?: unknown; readonly data?: unknown };
  if (code !== URL_REQUIRED || !isObject(data)) return undefined;
  const asked = listOf(data['elicitations']).filter(isObject);
  if (asked.length === 0 || asked.length > CALL_NEEDS_LIMIT.needs)
    throw askRefused('it does not say where somebody has to go');
  const needs = asked.map((params, index) => {
    const read = readAsk({ method: 'elicitation/create', params: { ...params, mode: 'url' } }, options);
    if (!('need' in read)) throw askRefused(read.oddity ?? 'questions are declined');
    return [`${index + 1}`, read.need] as const;
  });
  return needsOf(Object.fromEntries(needs), { as: 'again', round });
}

/** @throws {PrusikError} `MCP_ASK_REFUSED`, or `MCP_SIGN_IN_REQUIRED`, when somebody did not go. */
export function checkVisited(
  server: string,
  { signIn }: { readonly signIn?: true },
  answers: Readonly<Record<string, CallAnswer>>,
): void {
  const missing = Object.values(answers).find(({ status }) => status !== 'answered');
  if (missing === undefined) return;
  if (signIn === undefined) throw askRefused(`a person did not do what it asked (${missing.status})`);
  const why = `The MCP server ${JSON.stringify(server)} wants somebody to sign in, and nobody did (${missing.status})`;
  throw new PrusikError('MCP_SIGN_IN_REQUIRED', why, { meta: { server, sent: false } });
}
