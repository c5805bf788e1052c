export { sandboxContract, type SandboxContract } from './sandbox-contract.ts';
export {
  scriptedModel,
  type ScriptedFinish,
  type ScriptedModel,
  type ScriptedModelOptions,
  type ScriptedPart,
  type ScriptedReply,
  type ScriptedRequest,
} from './scripted-model.ts';
export { fakeClock, type FakeClock } from './fake-clock.ts';
export { runStoreTest, storeContract, testsFor, type StoreContract, type StoreStorage } from './store-contract.ts';
export type { StoreTest, StoreTestBed } from './store-test.ts';
export type { HeldRun, StoreScenario } from './store-scenario.ts';
