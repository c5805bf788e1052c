/**
 * The entries of journals and the messages of threads are rows of one table, `appended`, in the order of writing, with one index over list and number, in which the lists of
 * a run stand side by side. So an agent's step, which writes into both, writes the last page of the table and one of the index; rows that are committed together share
 * that page; and the last row tells the file's time. Clustered by owner, one run alone writes as little, but of many at once each writes a page of its own.
 *
 * Which list is whose is said here alone: the journal of run 5 is 10, its own thread 11, the thread of session 5 is -5. The arguments are SQL for the owner's number, which
 * is a session's with a minus sign, as in other tables.
 */
export const journal = (run: string): string => `2 * ${run}`;

export const thread = {
  run: (run: string): string => `2 * ${run} + 1`,
  session: (owner: string): string => owner,
} as const;

/** SQL for the time that the file shows: its last row's, or the clock's where that row does not show it. */
export const FILE_TIME = 'max((select at from clock), coalesce((select at from appended order by id desc limit 1), 0))';
