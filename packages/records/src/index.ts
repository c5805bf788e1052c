export { BUNDLE_VERSION } from './bundle.ts';
export { planRetention, type PlannedTree, type RetentionPage } from './plan-retention.ts';
export { prune, type PruneOptions, type PruneReport } from './prune.ts';
export type { RetentionOptions } from './retention-options.ts';
export { checkPolicy, type AgeRule, type RetentionPolicy, type RetentionRule } from './retention-policy.ts';
export { ownerOfWorkspace } from './sweep-workspaces.ts';
