/**
 * What an assembly may offer beyond the least, and what a definition or a tool may require of it:
 * a store that outlives the process, one that several processes share, a sandbox.
 */
export type Capability = 'durable-store' | 'shared-store' | 'sandbox';
