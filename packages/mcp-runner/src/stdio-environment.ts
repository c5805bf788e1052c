import { PrusikError, withoutSecrets } from '@prusik/core';
import type { StdioServer } from './options.ts';

/** A shorter one would black out words that merely look like it. */
const SHORTEST_SECRET = 6;

/** The variables of one start. */
export interface StdioEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** The text without the secrets of this start, and without what looks like others. */
  redact(text: string): string;
}

/**
 * Asks for the secrets.
 *
 * @throws {PrusikError} `MCP_START_FAILED` when one cannot be had; why is its cause.
 */
export async function resolveEnvironment(name: string, given: StdioServer['env'] = {}): Promise<StdioEnvironment> {
  const secrets: string[] = [];
  const entries = await Promise.all(
    Object.entries(given).map(async ([variable, value]): Promise<[string, string]> => {
      if (typeof value === 'string') return [variable, value];
      const secret = await ask(name, variable, value);
      // Of several lines, such as a key, each may be printed by itself.
      secrets.push(...[secret, ...secret.split('\n')].filter((part) => part.length >= SHORTEST_SECRET));
      return [variable, secret];
    }),
  );
  return {
    env: Object.fromEntries(entries),
    redact: (text) => withoutSecrets(secrets.reduce((safe, secret) => safe.replaceAll(secret, '[redacted]'), text)),
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
