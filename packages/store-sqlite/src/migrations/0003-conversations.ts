/**
 * Steering: which runs of a session's queue its holder may absorb, and who absorbed a run.
 */
export const conversations = `
alter table runs add column steers integer not null default 0;
alter table run_bodies add column absorbed_by text;
`;
