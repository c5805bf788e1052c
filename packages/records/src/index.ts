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
export { planRetention, type PlannedTree, type RetentionPage } from './plan-retention.ts';
export { prune, type PruneOptions, type PruneReport } from './prune.ts';
export type { RetentionOptions } from './retention-options.ts';
export { checkPolicy, type AgeRule, type RetentionPolicy, type RetentionRule } from './retention-policy.ts';
export { ownerOfWorkspace } from './sweep-workspaces.ts';
