export type { AgentCallOptions, CallOptions, ChildOptions } from './call-options.ts';
export { checkCallOptions } from './check-call-options.ts';
export type { AdapterInfo } from './adapter-info.ts';
export {
  BLOB_GRACE_MS,
  BLOB_LIMIT,
  type BlobInfo,
  type BlobSweep,
  type PutBlobOptions,
  type SweptBlobs,
} from './blob.ts';
export {
  withModelName,
  type AliasesOf,
  type CallInput,
  type CallOutput,
  type CallTypes,
  type DepsOf,
} from './call-types.ts';
export type { Capability } from './capability.ts';
export {
  checkBreaker,
  createBreaker,
  type Breaker,
  type BreakerOptions,
  type Health,
  type Passage,
} from './breaker.ts';
export { systemClock, wallTime, type Clock } from './clock.ts';
export { disposable } from './disposable.ts';
export { compactionOf, cutPoints } from './compaction.ts';
export type { ContextInput, ContextManager, ContextPlan, ContextView, Ruler } from './context.ts';
export { contextView } from './context-view.ts';
export { unawaited } from './unawaited.ts';
export { within } from './within.ts';
export { loadedCopies } from './copies.ts';
export { declareDelegation, type DeclaredDelegation } from './declare-delegation.ts';
export { createDelegation, type DelegatedCallOptions, type Delegation, type DelegationParts } from './delegation.ts';
export {
  decideDelegation,
  DELEGATION_DEFAULTS,
  DELEGATION_REFUSALS,
  type DelegationDecision,
  type DelegationPolicy,
  type DelegationRefusal,
  type DelegationRequest,
  type DelegationState,
} from './delegation-policy.ts';
export { withChildren } from './with-children.ts';
export { isPrusikError, PrusikError, type ErrorMeta, type PrusikErrorOptions } from './errors.ts';
export { isInDoubt, primaryError, retryAfterMs } from './primary-error.ts';
export { deserializeError, serializeError, type SerializedError } from './serialize-error.ts';
export {
  checkId,
  DEFAULT_TENANT,
  derivedRandom,
  childRunId,
  derivedUuid,
  hashJson,
  ID_LIMITS,
  randomId,
  runKeyText,
  sameRun,
  type NewId,
  type RequestRef,
  type RunKey,
  type SessionKey,
} from './ids.ts';
export {
  canonicalJson,
  isObject,
  sparse,
  toFrozenJson,
  toJson,
  toJsonText,
  type Json,
  type JsonObject,
} from './json.ts';
export { checkOptions, type KnownOptions } from './known-options.ts';
export {
  describeIssues,
  jsonSchemaOf,
  type InferInput,
  type InferOutput,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchema,
} from './schema.ts';
export type { ChildResult, ForkedWorkspace } from './child-result.ts';
export { partialReason, type PartialReason } from './partial.ts';
export type {
  AnyDefinition,
  DefinitionMap,
  DurableContext,
  DurableDefinition,
  InputScope,
  Received,
  ReceiveOptions,
  RequestSpec,
  RunInfo,
  Thread,
} from './durable-function.ts';
export type { CheckResult, CheckScope, RetryPolicy, StepOptions, UpcomingStep } from './step-options.ts';
export type { StepScope } from './step-scope.ts';
export type {
  BlobRef,
  Denial,
  Effect,
  Entry,
  EntryBody,
  EntryStamp,
  MessageRange,
  Outcome,
  RunBlock,
  RunCancel,
  RunClaim,
  RunEnd,
  RunMeasure,
  RunNote,
  RunPark,
  RunStart,
  RunUnblock,
  StepEnd,
  StepIntent,
  StepKind,
  StepPause,
  WaitEnd,
  WaitKind,
  WaitStart,
} from './entry.ts';
export {
  addAmounts,
  applyToLedger,
  checkAmount,
  checkBudget,
  narrowerBudget,
  NO_AMOUNT,
  openLedger,
  subtractAmounts,
  type Amount,
  type Budget,
  type Ledger,
  type LedgerChange,
  type LedgerDimension,
  type NoRoom,
} from './ledger.ts';
export { advanceCursor, cursorOf, type EventCursor } from './event-cursor.ts';
export {
  PLAIN_TEXT,
  type Gap,
  type LiveBlock,
  type LiveBlockKind,
  type LiveEvent,
  type RunEvent,
  type StepDelta,
  type StepExecution,
  type StepReset,
  type StepStart,
} from './live-event.ts';
export { emptyView, foldEvents, type RunView, type TreeView } from './run-view.ts';
export type { LiveBlockView, LiveStepView, StepView, WaitView } from './step-view.ts';
export {
  LIVE_BLOCKS_LIMIT,
  LIVE_STORE_LIMIT,
  LIVE_TEXT_LIMIT,
  type LiveStep,
  type LiveText,
  type LiveTextMark,
  type LiveTextStore,
  type LiveTextWrite,
  type NewLiveText,
} from './live-text.ts';
export { checkMessage } from './check-message.ts';
export {
  loadFiles,
  PROMPT_FILES_LIMIT,
  putFiles,
  putMessageFiles,
  type LoadFilesOptions,
  type PutFile,
} from './message-files.ts';
export { addUsage, blobsOf, filesOf } from './message.ts';
export { addSpent, type Spent } from './spent.ts';
export type {
  Compaction,
  ApprovalRequestPart,
  ApprovalResponsePart,
  Citation,
  CustomPart,
  FileData,
  FilePart,
  Message,
  MessageKind,
  MessagePart,
  ProviderData,
  ReasoningFilePart,
  ReasoningPart,
  Source,
  SourcePart,
  StoredMessage,
  TextPart,
  ThreadKey,
  ToolCallPart,
  ToolOutput,
  ToolOutputPart,
  ToolResultPart,
  Trim,
  Usage,
  WholeOutput,
} from './message.ts';
export {
  MEASUREMENT_LIMIT,
  toMeasurement,
  type Measurement,
  type MetricAttributes,
  type Metrics,
} from './measurement.ts';
export { reconcile, TOOL_RESULT_MISSING } from './reconcile.ts';
export { withoutSecrets } from './secrets.ts';
export { secretSet, type SecretSet } from './secret-set.ts';
export { isSensitiveName } from './sensitive-name.ts';
export {
  checkRedactor,
  createRedactor,
  type ContentKind,
  type ContentPlace,
  type RedactBounds,
  type Redactor,
  type RedactorOptions,
} from './redactor.ts';
export { isErrorCode } from './error-code.ts';
export { errorFields, toldCode, type ErrorFields } from './error-fields.ts';
export { bareError, withoutQueries } from './bare-error.ts';
export { shown } from './shown.ts';
export {
  coversCall,
  GRANT_LIMIT,
  holds,
  type Grant,
  type GrantKey,
  type GrantQuery,
  type GrantScope,
  type NewGrant,
  type RevokeResult,
} from './grant.ts';
export { schemaProblems } from './json-schema.ts';
export { withoutNulls } from './without-nulls.ts';
export {
  DECISIONS_OF,
  isNeed,
  OPEN_REQUEST_LIMIT,
  type ApprovalBody,
  type ClientToolBody,
  type DecideResult,
  type Decision,
  type InterventionChoice,
  type NeedBody,
  type NewDecision,
  type NewRequest,
  type Request,
  type RequestKind,
  type RequestQuery,
  type RequestStatus,
} from './request.ts';
export { defineSlot, SLOT_LIMIT, type Slot, type SlotChange, type StepSlots, type StoredSlot } from './slot.ts';
export { checkSlotValue, readSlot } from './read-slot.ts';
export type { TurnOptions } from './turn.ts';
export type {
  GrantRecord,
  ImportRunResult,
  ImportSessionResult,
  NoteRecord,
  OwnedRecords,
  RequestRecord,
  RunImport,
  SessionImport,
} from './imported.ts';
export type { Imported } from './import-mark.ts';
export { checkedRunImport, checkedSessionImport } from './store-kit/check-import.ts';
export { isSameRecord } from './store-kit/import-run.ts';
export {
  REMOVAL_LIMIT,
  type EndedTrees,
  type Removal,
  type RemovedRows,
  type EndedTree,
  type RemoveResult,
} from './removal.ts';
export type { CompactedRows, CompactResult, TreeCompaction } from './tree-compaction.ts';
export { CHARS_PER_TOKEN, charsOf, charsOfNew, createRuler } from './ruler.ts';
export { refusedCall } from './call-error.ts';
export { rightsOfChild, type Rights, type RunRights } from './rights.ts';
export {
  FINAL_STATUSES,
  isFinal,
  LIST_NAMES_LIMIT,
  type FinalStatus,
  type ListOrder,
  type ParentLink,
  type Run,
  type RunKind,
  type RunQuery,
  type RunStatus,
  type RunSummary,
} from './run.ts';
export {
  FORK_LIMIT,
  SESSION_CUT_LIMIT,
  SESSION_LIVES,
  STEERED_LIMIT,
  type CutResult,
  type ForkResult,
  type MoveSessionResult,
  type ReplaceResult,
  type Session,
  type SessionFork,
  type SessionLife,
  type SessionQuery,
  type SteeredRun,
  type ThreadCut,
} from './session.ts';
export { HEALTH_LIMIT, type StoreHealth } from './store-health.ts';
export type { WakeResult } from './wake.ts';
export { PAGE_LIMIT, type Page, type PageAfter, type PageBefore, type TextPage } from './page.ts';
export {
  SESSION_QUEUE_LIMIT,
  SUPERSEDED,
  type NewRun,
  type StartCut,
  type StartResult,
  type WhenBusy,
} from './new-run.ts';
export {
  artifactBytes,
  artifactNamed,
  artifactOf,
  toArtifactData,
  type Artifact,
  type ArtifactBody,
  type ArtifactOptions,
  type NewArtifact,
} from './artifact.ts';
export { listArtifacts, type ArtifactSource } from './list-artifacts.ts';
export { ARTIFACT_NOTE } from './note.ts';
export type { NewNote, Note, NoteQuery } from './note.ts';
export {
  suspectShare,
  type Claim,
  type ClaimQuery,
  type ClaimResult,
  type Lease,
  type RenewedLease,
  type SuspectRoom,
} from './claim.ts';
export {
  JOURNAL_LIMIT,
  WRITE_ITEMS_LIMIT,
  WRITE_LIMIT,
  type ChildCancel,
  type ChildEnd,
  type RunOutcome,
  type Commit,
  type CommitRefusal,
  type CommitResult,
  type Transition,
} from './commit.ts';
export { INBOX_LIMIT, type NewSignal, type Signal, type SignalKind, type SignalResult } from './signal.ts';
export type { Store, StoreCapabilities } from './store.ts';
export type {
  Enforcement,
  ExceededLimit,
  ExecOptions,
  ExecResult,
  OpenSandboxOptions,
  RunCommandOptions,
  RunCommandResult,
  Sandbox,
  SandboxFiles,
  SandboxLevel,
  SandboxLimits,
  SandboxMount,
  SandboxProcess,
  SandboxSession,
  SpawnOptions,
  WritableSandboxProcess,
} from './sandbox.ts';
export {
  CALL_NEEDS_LIMIT,
  type CallAnswer,
  type CallAnswers,
  type CallNeed,
  type CallNeeds,
  type CallOutcome,
  type CallResult,
  type SampleMessage,
  type SourcedCall,
  type SourcedTool,
  type ToolCallScope,
  type ToolContentPart,
  type ToolFile,
  type ToolListing,
  type ToolListScope,
  type ToolSource,
  type WithheldTool,
} from './tool-source.ts';
export type {
  DriveObserver,
  DriveOver,
  EngineEvent,
  ObservedDrive,
  ObservedRun,
  ObservedStep,
  ObservedWait,
  Observer,
  StepObserver,
} from './observer.ts';
export { toTraceContext, type TraceContext } from './trace-context.ts';
export { toStepFacts, type ModelFacts, type StepFacts, type ToolFacts } from './step-facts.ts';
export type { LogFields, Logger, LogValue } from './logger.ts';
export { withFields } from './with-fields.ts';
export { safeLogger } from './safe-logger.ts';
export { consoleLogger, type ConsoleLoggerOptions, type LogLevel } from './console-logger.ts';
export { logObserver } from './log-observer.ts';
export { cleanupFailed, createCleanup, withCleanup, type Cleanup } from './cleanup.ts';
export type { CredentialKey, CredentialStore, StoredCredential } from './credential-store.ts';
export type {
  CreateWorkspaceOptions,
  DiffOptions,
  SnapshotOptions,
  SweepOptions,
  Swept,
  Workspace,
  WorkspaceDiff,
  WorkspaceForks,
  WorkspaceLimits,
  Workspaces,
  WorkspaceSnapshot,
  WorkspaceSource,
  WorkspaceState,
} from './workspace.ts';
export {
  commitRunWorkspace,
  openRunWorkspace,
  type OpenRunWorkspaceOptions,
  type RunWorkspace,
  type RunWorkspaceScope,
} from './run-workspace.ts';
export { ownsWorkspace, RUN_WORKSPACE, workspaceOf, type RunWorkspaceState } from './run-workspace-state.ts';
export { parseCursor } from './store-kit/page-arguments.ts';
export type { LiveTextRow, LiveTextRows } from './store-kit/live-text.ts';
export type { BlobBytes } from './store-kit/blob-bytes.ts';
export type { StoreBackend, WriteSize } from './store-kit/backend.ts';
export { storeOver } from './store-kit/port.ts';
export { requestAt } from './store-kit/decide.ts';
export {
  boundsBehind,
  comparePlaces,
  isWithin,
  pageBounds,
  placeCursor,
  type PageBounds,
  type Place,
} from './store-kit/place.ts';
export {
  describeRun,
  describeSummary,
  ownerOfNote,
  threadOf,
  threadOfSession,
  type RunBody,
  type RunDetails,
} from './store-kit/rows.ts';
export {
  STORE_WRITES,
  type At,
  type BlobState,
  type GrantListing,
  type NewGrantRow,
  type News,
  type EndedRoot,
  type EndedRootQuery,
  type RunState,
  type SessionState,
  type StoreReads,
  type StoreTables,
  type StoreTransaction,
  type StoreWrites,
} from './store-kit/tables.ts';
export { cutText, trimmed } from './trim.ts';
export { createWatchers, type CollectedNews, type Watchers } from './store-kit/watchers.ts';
