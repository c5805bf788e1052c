export type { Question } from './ask.ts';
export { defineWorkflow, type WorkflowDefinition, type WorkflowOptions } from './define-workflow.ts';
export type { FanOut, FanOutItem, FanOutOptions } from './fan-out.ts';
export type { Racer, Racers } from './race.ts';
export type { AgentCalls, Calls, WorkflowContext, WorkflowState } from './workflow-context.ts';
