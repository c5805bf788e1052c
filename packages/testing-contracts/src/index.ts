export { sandboxContract, type SandboxContract } from './sandbox-contract.ts';
