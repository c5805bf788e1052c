import type { WithheldTool } from '@prusik/core';
import type { ManagedServer } from './mcp-server.ts';
import type { PoolState } from './pool.ts';
import type { RiskTier, ServerPlace } from './risk.ts';

/** How a server stands. */
export interface McpServerState {
  readonly server: string;
  readonly place: ServerPlace;
  readonly tier: RiskTier;
  /** `failed`: it could not be started, or has ended by itself, and is started again when it is needed. */
  readonly status: 'idle' | 'starting' | 'ready' | 'failed';
  /** Revision of the protocol that was last spoken. */
  readonly protocol?: string;
  /** As models call them; missing until they were first listed. */
  readonly tools?: readonly string[];
  /** What is kept back, and why. */
  readonly withheld: readonly WithheldTool[];
  /** Tools that `allow` and `deny` leave out. */
  readonly leftOut: number;
  /** Names in `allow`, `deny`, `effects` and `approval` that fit no tool of the server: mistyped, or of tools that are gone. */
  readonly unmatched: readonly string[];
  /** Calls under way, and calls that wait for their turn. */
  readonly calls: number;
  readonly waiting: number;
  /** Code of why it was last not there. */
  readonly lastError?: string;
  /** It is not started again before. */
  readonly retryAfterMs?: number;
}

/** Over all of its connections. */
export function serverState({ governed, last, protocol }: ManagedServer, states: readonly PoolState[]): McpServerState {
  const { server, place, tier } = governed;
  const failed = states.find((one) => one.lastError !== undefined);
  const is = (status: PoolState['status']): boolean => states.some((one) => one.status === status);
  return {
    server,
    place,
    tier,
    status: is('ready') ? 'ready' : is('starting') ? 'starting' : failed === undefined ? 'idle' : 'failed',
    withheld: last?.withheld ?? [],
    leftOut: last?.leftOut ?? 0,
    unmatched: last?.unmatched ?? [],
    calls: states.reduce((sum, one) => sum + one.calls, 0),
    waiting: states.reduce((sum, one) => sum + one.waiting, 0),
    ...(protocol === undefined ? {} : { protocol: protocol.version }),
    ...(last === undefined ? {} : { tools: [...last.tools.keys()] }),
    ...(failed?.lastError === undefined ? {} : { lastError: failed.lastError }),
    ...(failed?.retryAfterMs === undefined ? {} : { retryAfterMs: failed.retryAfterMs }),
  };
}
