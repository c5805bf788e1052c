export type { AgentCallOptions } from './call-options.ts';
export type { Question } from './ask.ts';
export { defineWorkflow, type WorkflowDefinition, type WorkflowOptions } from './define-workflow.ts';
export type { FanOutItem, FanOutOptions } from './fan-out.ts';
export { withChildren } from './with-children.ts';
export type { AgentCalls, Calls, WorkflowContext, WorkflowState } from './workflow-context.ts';
