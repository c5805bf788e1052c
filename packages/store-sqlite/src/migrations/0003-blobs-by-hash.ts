/** Tenants share the file of equal bytes: before it goes, nobody's row may name it. */
export const blobsByHash = `
create index blobs_hash on blobs (hash);
`;
