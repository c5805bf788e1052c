/**
 * Ids of messages are an index for conversations alone: from outside a message is named in one, to edit it or to answer it again. A thread that is a run's
 * own is read as a whole, and a step that appends to it writes a page less.
 */
export const messageIds = `
drop index messages_ids;
create index messages_ids on messages (thread, body ->> '$.id') where thread < 0;
`;
