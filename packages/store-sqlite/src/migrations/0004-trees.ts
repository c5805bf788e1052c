/** What a run of a tree may do, and whether what it handed back is whole. JSON; null says that nobody said anything of it. */
export const trees = `
alter table runs add column rights text;
alter table runs add column partial text;
`;
