export { sandboxContract, type SandboxContract } from './sandbox-contract.ts';
export { scriptedModel, type ScriptedModel, type ScriptedModelOptions } from './scripted-model.ts';
export type { ScriptedFinish, ScriptedPart, ScriptedReply, ScriptedRequest } from './script-types.ts';
export { dyingStore, type DiesAt, type DyingStore } from './dying-store.ts';
export { fakeClock, type FakeClock } from './fake-clock.ts';
export { runStoreTest, storeContract, testsFor, type StoreContract, type StoreStorage } from './store-contract.ts';
export type { StoreTest, StoreTestBed } from './store-test.ts';
export type { HeldRun, StoreScenario } from './store-scenario.ts';
