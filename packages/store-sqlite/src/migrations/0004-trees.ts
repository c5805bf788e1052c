/**
 * What a run of a tree may do, which workspace it was given, and whether what it handed back is whole. JSON; null says that nobody said anything of it. `deadline_at` is read off the rights,
 * so that the two cannot disagree; its index holds those runs alone that have one and that a claim may end for it. How much of an output its
 * parent takes is a number of its own: it stands with the parent, which every commit reads.
 */
export const trees = `
alter table runs add column rights text;
alter table runs add column partial text;
alter table runs add column max_result_bytes integer;
alter table runs add column workspace text;
alter table runs add column deadline_at real generated always as (rights ->> '$.deadlineAt') virtual;
create index runs_deadlines on runs (deadline_at, id)
  where deadline_at is not null and ended_at is null and block_code is null and in_queue = 0;
`;
