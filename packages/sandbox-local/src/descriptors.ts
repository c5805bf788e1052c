import { readdir, readFile } from 'node:fs/promises';
import { unavailable } from './unavailable.ts';

const O_CLOEXEC = 0o2_000_000;
/** Commands get a table of descriptors up to the highest inherited one; this bounds it. */
const HIGHEST = 4_096;

/**
 * Descriptors above 2 that a child process would inherit: those that this process itself got from its parent. libuv marks
 * inherited ones close-on-exec at start only up to the first gap, so a high one reaches every child, and bubblewrap hands it on.
 *
 * They are not closed here, because they belong to the host program; each child gets `/dev/null` in their place instead.
 */
export async function inheritableDescriptors(): Promise<readonly number[]> {
  if (process.platform !== 'linux') return [];
  const found: number[] = [];
  for (const name of await readdir('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor <= 2) continue;
    // The descriptor may be closed by now, such as that of the listing itself.
    const info = await readFile(`/proc/self/fdinfo/${name}`, 'utf8').catch(() => '');
    const flags = /^flags:\s*(\d+)/m.exec(info)?.[1];
    if (flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0) found.push(descriptor);
  }
  return found;
}

/**
 * A `stdio` table for spawn that holds `own` and puts `/dev/null` over each of `inherited`.
 *
 * @throws {PrusikError} `SANDBOX_UNAVAILABLE` for one that is too high.
 */
export function coverDescriptors<Entry>(
  own: readonly Entry[],
  inherited: readonly number[],
  devNull: number,
): (Entry | number | 'ignore')[] {
  const highest = Math.max(0, ...inherited);
  if (highest > HIGHEST)
    throw unavailable(
      `this process was given descriptor ${highest}, and those up to ${HIGHEST} only can be kept from commands`,
      'Start it without that one open',
    );
  const table: (Entry | number | 'ignore')[] = [...own];
  for (const descriptor of inherited) {
    while (table.length <= descriptor) table.push('ignore');
    if (descriptor >= own.length) table[descriptor] = devNull;
  }
  return table;
}
