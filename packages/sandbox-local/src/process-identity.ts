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
  if (started === 0) return true;
  const stat = statOf(pid);
  // Killed and not waited for, it holds its pid for as long as its parent lives.
  return stat?.started === started && stat.state !== 'Z';
}

const startTime = (pid: number): number | undefined => statOf(pid)?.started;

/** Clock ticks from boot to the start of a process tell apart two that had the same pid. */
function statOf(pid: number): { readonly state: string | undefined; readonly started: number } | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    // The second field, the program's name in brackets, may itself hold brackets and spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ');
    return { state: fields?.[0], started: Number(fields?.[19]) };
  } catch {
    return undefined;
  }
}
