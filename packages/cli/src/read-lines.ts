import { createReadStream } from 'node:fs';
import { PrusikError, WRITE_LIMIT } from '@prusik/core';

/**
 * The lines of a file, by line feeds alone: other separators may stand in a text of JSON. One that is longer than any line of a bundle comes in part, so that what has no lines is not read to its end.
 *
 * @throws {PrusikError} `FILE_UNREADABLE`
 */
export async function* readLines(path: string, signal: AbortSignal): AsyncGenerator<string, void> {
  let begun: string[] = [];
  let length = 0;
  const file = createReadStream(path, { encoding: 'utf8', signal });
  try {
    for await (const chunk of file as AsyncIterable<string>) {
      const [first = '', ...more] = chunk.split('\n');
      begun.push(first);
      length += first.length;
      for (const next of more) {
        yield withoutReturn(begun.join(''));
        begun = [next];
        length = next.length;
      }
      if (length > WRITE_LIMIT) yield begun.join('');
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw new PrusikError('FILE_UNREADABLE', `The file cannot be read: ${path}`, { cause });
  } finally {
    file.destroy();
  }
  if (length > 0) yield withoutReturn(begun.join(''));
}

/** JSON writes one that is meant by its escape. */
const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
