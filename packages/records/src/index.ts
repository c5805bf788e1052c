export {
  BUNDLE_VERSION,
  type BundleCounts,
  type BundleEnd,
  type BundleHeader,
  type BundleRows,
  type Redaction,
} from './bundle.ts';
export { exportRun } from './export-run.ts';
export { exportSession } from './export-session.ts';
export type { ExportOptions } from './export-options.ts';
export { importRecords, type ImportedRecords, type ImportOptions } from './import-records.ts';
export { flowOf, type FlowOptions, type Journal } from './flow-of.ts';
export {
  FLOW_VERSION,
  type Flow,
  type FlowMark,
  type FlowNode,
  type FlowRequest,
  type FlowRequestSource,
  type FlowRun,
  type FlowStep,
  type FlowStepState,
  type FlowWait,
  type FlowWaitState,
} from './flow.ts';
export { flowchart, MERMAID_LIMITS } from './flowchart.ts';
export { sequenceDiagram } from './sequence-diagram.ts';
export { readFlow, type ReadFlowOptions } from './read-flow.ts';
export { planRetention, type PlannedTree, type RetentionPage } from './plan-retention.ts';
export { prune, type PruneOptions, type PruneReport } from './prune.ts';
export type { RetentionOptions } from './retention-options.ts';
export { checkPolicy, type AgeRule, type RetentionPolicy, type RetentionRule } from './retention-policy.ts';
export { ownerOfWorkspace } from './sweep-workspaces.ts';
