/** Which runs and sessions are records of another store, as JSON: when they came here, and the digest by which the same import finds them. */
export const imports = `
alter table runs add column imported text;
alter table sessions add column imported text;
`;
