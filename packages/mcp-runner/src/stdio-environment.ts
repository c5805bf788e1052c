import { isSensitiveName, PrusikError, secretSet, withoutSecrets } from '@prusik/core';
import type { StdioServer } from './options.ts';

/** The variables of one start. */
export interface StdioEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** The text without the secrets of this start: what a function gave, and what stands under the name of a credential. Missing where it has none. */
  readonly conceal?: (text: string) => string;
  /** The same, without all other values of the environment and what looks like secrets: for errors. */
  redact(text: string): string;
}

/**
 * Asks for the secrets.
 *
 * @throws {PrusikError} `MCP_START_FAILED` when one cannot be had; why is its cause.
 */
export async function resolveEnvironment(name: string, given: StdioServer['env'] = {}): Promise<StdioEnvironment> {
  const { remember, redact: conceal } = secretSet();
  /** What is no secret by its name is no word to black out in what a tool answers; of errors, which go anywhere, it is. */
  const plain = secretSet();
  const entries = await Promise.all(
    Object.entries(given).map(async ([variable, value]): Promise<[string, string]> => {
      if (typeof value === 'string') return [variable, (isSensitiveName(variable) ? remember : plain.remember)(value)];
      return [variable, remember(await ask(name, variable, value))];
    }),
  );
  return {
    env: Object.fromEntries(entries),
    ...(Object.entries(given).some(([variable, value]) => typeof value === 'function' || isSensitiveName(variable))
      ? { conceal }
      : {}),
    redact: (text) => withoutSecrets(plain.redact(conceal(text))),
  };
}

async function ask(name: string, variable: string, secretOf: () => unknown): Promise<string> {
  let cause: unknown;
  try {
    const secret = await secretOf();
    if (typeof secret === 'string') return secret;
  } catch (error) {
    cause = error;
  }
  throw new PrusikError(
    'MCP_START_FAILED',
    `The MCP server ${JSON.stringify(name)} was not started: its variable ${variable} could not be had`,
    { retryable: true, meta: { server: name }, ...(cause === undefined ? {} : { cause }) },
  );
}
