import type { Scenario } from '../scenario.ts';
import { agentLoop } from './agent-loop.ts';
import { agentLoopDurable } from './agent-loop-durable.ts';
import { concurrentRuns } from './concurrent-runs.ts';
import { durableOnce, durableStep, durableStepNormal } from './durable-step.ts';
import { eventLag } from './event-lag.ts';
import { exportTime } from './export.ts';
import { fanOut, fanOutDurable } from './fan-out.ts';
import { growth } from './growth.ts';
import { idleSessions } from './idle-sessions.ts';
import { importTime } from './import.ts';
import { list } from './list.ts';
import { mcpAgent } from './mcp-agent.ts';
import { mcpCall } from './mcp-call.ts';
import { mcpStart } from './mcp-start.ts';
import { parkWake } from './park-wake.ts';
import { prune } from './prune.ts';
import { resume } from './resume.ts';
import { sandboxExec, sandboxFileRead, sandboxFileWrite } from './sandbox.ts';
import { stream } from './stream.ts';
import { telemetryAgents, telemetrySteps } from './telemetry.ts';
import { tree } from './tree.ts';
import { workspace } from './workspace.ts';

/** In the order in which they are run and shown. */
export const SCENARIOS: readonly Scenario[] = [
  durableStep,
  durableStepNormal,
  durableOnce,
  concurrentRuns,
  growth,
  resume,
  parkWake,
  idleSessions,
  eventLag,
  exportTime,
  list,
  importTime,
  agentLoop,
  agentLoopDurable,
  fanOut,
  fanOutDurable,
  tree,
  stream,
  sandboxExec,
  sandboxFileRead,
  sandboxFileWrite,
  workspace,
  prune,
  mcpCall,
  mcpStart,
  mcpAgent,
  telemetrySteps,
  telemetryAgents,
];
