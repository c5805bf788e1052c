import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';

/** As many of these lines as a result shows. */
export function firstLines(lines: readonly string[], most: number): readonly string[] {
  let bytes = 0;
  const end = lines.findIndex((line, index) => {
    bytes += Buffer.byteLength(line) + 1;
    return index >= most || bytes > SANDBOX_TOOL_LIMITS.pageBytes;
  });
  return end === -1 ? lines : lines.slice(0, end);
}
