import type { Clock, Sandbox } from '@prusik/core';
import { connectStdio } from './connect-stdio.ts';
import type { Connect } from './connection.ts';
import type { EraVerdicts } from './era-verdicts.ts';
import type { McpLimits } from './limits.ts';
import type { McpRunnerOptions, McpServer } from './options.ts';

export interface ConnectorOptions {
  readonly name: string;
  readonly server: McpServer;
  readonly runner: McpRunnerOptions;
  readonly limits: McpLimits;
  readonly verdicts: EraVerdicts;
  readonly clock: Clock;
}

/** How a server is reached. */
export function connectorOf({ name, server, runner, limits, verdicts, clock }: ConnectorOptions): Connect {
  if (server.transport === 'http')
    throw new TypeError(`mcpRunner: server ${JSON.stringify(name)}: servers over HTTP cannot be reached yet`);
  // Checked with the options.
  const sandbox = (server.sandbox ?? runner.sandbox) as Sandbox;
  return connectStdio({ name, instance: '', server, sandbox, limits, verdicts, clock });
}
