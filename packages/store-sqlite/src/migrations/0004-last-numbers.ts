/**
 * SQLite gives the number of the highest row again once that row is gone. A cursor of a list is such a number, and must not mean another
 * row later: new ones would stand before it and be missed.
 */
export const lastNumbers = `
create table last_numbers (of text primary key, number integer not null) strict;
insert into last_numbers values ('runs', 0), ('sessions', 0), ('requests', 0);
`;
