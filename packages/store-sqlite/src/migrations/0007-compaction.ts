/**
 * Runs of which the record alone is left. `last_seq`, `last_signal`: the ends of a journal and an inbox that are gone. `compacting`: 1 as long as rows of it are left,
 * which its index finds.
 */
export const compaction = `
alter table runs add column compacted_at real;
alter table runs add column last_seq integer;
alter table runs add column last_signal integer;
alter table runs add column compacting integer;
create index runs_compacting on runs (id) where compacting = 1;
`;
