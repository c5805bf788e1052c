import { PrusikError, withoutSecrets, secretSet } from '@prusik/core';
import type { StdioServer } from './options.ts';

/** The variables of one start. */
export interface StdioEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** The text without the secrets of this start; missing where it has none. */
  readonly conceal?: (text: string) => string;
  /** The same, and without what looks like others. */
  redact(text: string): string;
}

/**
 * Asks for the secrets.
 *
 * @throws {PrusikError} `MCP_START_FAILED` when one cannot be had; why is its cause.
 */
export async function resolveEnvironment(name: string, given: StdioServer['env'] = {}): Promise<StdioEnvironment> {
  const { remember, redact: conceal } = secretSet();
  const entries = await Promise.all(
    Object.entries(given).map(async ([variable, value]): Promise<[string, string]> => {
      if (typeof value === 'string') return [variable, value];
      return [variable, remember(await ask(name, variable, value))];
    }),
  );
  return {
    env: Object.fromEntries(entries),
    ...(Object.values(given).some((value) => typeof value === 'function') ? { conceal } : {}),
    redact: (text) => withoutSecrets(conceal(text)),
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
