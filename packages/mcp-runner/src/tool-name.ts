import { hashJson } from '@prusik/core';

/** What every provider takes. */
const MOST_CHARS = 64;
const MARK_CHARS = 8;
/** A server's own name that looks as if it had a mark gets one, too: no tool can be called by what another one's name becomes. */
const MARKED = /_[0-9a-f]{8}$/;

/**
 * What a model calls a server's tool by: `<server>_<tool>`, of letters, digits, `_` and `-`. A name that had to be changed or cut ends in a mark of what it was,
 * so it depends on itself alone: other tools that come or go change nothing. The names of servers hold no `_`, so two servers never meet.
 */
export function modelToolName(server: string, tool: string): string {
  const safe = tool.replaceAll(/[^a-zA-Z0-9_-]/gu, '_');
  const name = `${server}_${safe}`;
  if (safe === tool && name.length <= MOST_CHARS && !MARKED.test(name)) return name;
  const mark = hashJson([server, tool]).slice('sha256:'.length).slice(0, MARK_CHARS);
  return `${name.slice(0, MOST_CHARS - MARK_CHARS - 1)}_${mark}`;
}
