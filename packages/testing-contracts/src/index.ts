export { contextManagerContract, runContextTest, type ContextManagerContract } from './context-contract.ts';
export { CONTEXT_TESTS, type ContextTest } from './context-tests.ts';
export {
  CREDENTIAL_STORE_TESTS,
  credentialStoreContract,
  runCredentialStoreTest,
  type CredentialStorage,
  type CredentialStoreContract,
  type CredentialStoreTest,
} from './credential-store-contract.ts';
export {
  LOGGER_TESTS,
  loggerContract,
  runLoggerTest,
  type LoggerContract,
  type LoggerTest,
  type LoggerUnderTest,
} from './logger-contract.ts';
export {
  REQUEST_POLICY_TESTS,
  requestPolicyContract,
  runRequestPolicyTest,
  type RequestPolicy,
  type RequestPolicyCase,
  type RequestPolicyContract,
  type RequestPolicyKind,
  type RequestPolicyTest,
} from './request-policy-contract.ts';
export { SANDBOX_ATTACKS, type AttackBed, type SandboxAttack } from './sandbox-attacks/index.ts';
export { attackSandbox, sandboxContainment, type SandboxContainment } from './sandbox-containment.ts';
export { sandboxContract, type SandboxContract } from './sandbox-contract.ts';
export {
  MCP_RUNNER_TESTS,
  mcpRunnerContract,
  mcpRunnerTestsFor,
  runMcpRunnerTest,
  type McpRunnerContract,
  type McpRunnerOrder,
  type McpRunnerUnderTest,
  type McpServerOrder,
} from './mcp-runner-contract.ts';
export type { McpRunnerCall, McpRunnerLimits, McpRunnerTest, McpRunnerTestBed } from './mcp-runner-test.ts';
export {
  misbehavingMcpServers,
  type McpListener,
  type McpProgram,
  type McpServerKind,
  type McpServerSpeaks,
  type MisbehavingMcpServerOptions,
  type MisbehavingMcpServers,
  type MisbehavingMcpServersOptions,
} from './misbehaving-mcp-servers.ts';
export { MODEL_TESTS, modelContract, modelTestsFor, runModelTest, type ModelContract } from './model-contract.ts';
export type { ContractModel, ModelAbilities, ModelTest, ModelTestBed, ModelUnderTest } from './model-test.ts';
export { createRecorder, type Recorder, type RecorderOptions } from './record/recorder.ts';
export type { RecordedModel } from './record/record-model.ts';
export type { RecordedTool } from './record/record-tools.ts';
export type { RecordingMode } from './record/recording-mode.ts';
export { signingModel, type SigningModelOptions } from './signing-model.ts';
export { scriptedModel, type ScriptedModel, type ScriptedModelOptions } from './scripted-model.ts';
export type {
  ScriptedCall,
  ScriptedFinish,
  ScriptedPart,
  ScriptedReply,
  ScriptedRequest,
  ScriptedUsage,
} from './script-types.ts';
export type {
  ModelChunk,
  ModelCitation,
  ModelContent,
  ModelFileData,
  ModelFinishReason,
  ModelMetadata,
  ModelSource,
  ModelToolCall,
  ModelToolResult,
  ModelUsage,
} from './model-chunk.ts';
export { countedIds } from './crash/counted-ids.ts';
export { dyingStore, type DiesAt, type DyingStore } from './crash/dying-store.ts';
export {
  acknowledgingStore,
  readLinesFrom,
  writeLinesTo,
  type EffectLine,
  type WriteLine,
} from './crash/effect-lines.ts';
export { everyDeath, type EveryDeath, type Life } from './crash/every-death.ts';
export { inspectStore, type InspectOptions, type Inspection } from './crash/inspect.ts';
export { killingStore } from './crash/killing-store.ts';
export { leakCounter, type LeakCounter } from './crash/leaks.ts';
export {
  endWithParent,
  processGroup,
  type CrashProcess,
  type ProcessEnd,
  type ProcessGroup,
  type ProcessOptions,
} from './crash/processes.ts';
export type { Violation } from './crash/rule.ts';
export { seededRandom, type SeededRandom } from './crash/seeded-random.ts';
export { fakeClock, type FakeClock } from './fake-clock.ts';
export {
  OBSERVER_TESTS,
  observerContract,
  runObserverTest,
  type ObserverContract,
  type ObserverTest,
} from './observer-contract.ts';
export {
  recordingObserver,
  type ObserverCall,
  type RecordingObserver,
  type RecordingObserverOptions,
} from './recording-observer.ts';
export { runStoreTest, storeContract, testsFor, type StoreContract, type StoreStorage } from './store-contract.ts';
export type { StoreTest, StoreTestBed } from './store-test.ts';
export type { HeldRun, StoreScenario } from './store-scenario.ts';
export {
  runToolSourceTest,
  toolSourceContract,
  toolSourceTestsFor,
  type ToolSourceContract,
} from './tool-source-contract.ts';
export type { ToolSourceTest, ToolSourceTestBed, ToolSourceUnderTest } from './tool-source-test.ts';
export { toolCallScope } from './tool-call-scope.ts';
export { ioErrors, type FaultyCall, type FaultyProcess } from './disk/io-errors.ts';
export { powerLoss, type PowerLoss } from './disk/power-loss.ts';
export { smallDisk, type SmallDisk } from './disk/small-disk.ts';
export {
  runStreamTest,
  STREAM_TESTS,
  streamContract,
  type StreamContract,
  type StreamOpenOptions,
  type StreamStorage,
} from './stream-contract.ts';
export type { StreamEngine, StreamOptions, StreamTest, StreamTestBed } from './stream-test.ts';
