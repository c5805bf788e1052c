export { liveTextRows } from './live-text-rows.ts';
export { memoryBlobs, type MemoryBlobsOptions } from './memory-blobs.ts';
export { memoryStore, type MemoryStoreOptions } from './memory-store.ts';
export { memoryTables, type MemoryTables } from './memory-tables.ts';
