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
