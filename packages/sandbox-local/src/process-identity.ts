import { readFileSync } from 'node:fs';

/** Names this process, beyond the life of its pid. */
export function ownProcessName(): string {
  return `${process.pid}-${startTime(process.pid) ?? 0}`;
}

/** Whether the process that {@link ownProcessName} named still runs. Unknown counts as running. */
export function isRunning(name: string): boolean {
  const [pid, started] = name.split('-').map(Number);
  if (pid === undefined || started === undefined || !Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return started === 0 || startTime(pid) === started;
}

/** Clock ticks from boot to the start of a process; tells apart two that had the same pid. */
function startTime(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    // The second field, the program's name in brackets, may itself hold brackets and spaces.
    return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[19]);
  } catch {
    return undefined;
  }
}
