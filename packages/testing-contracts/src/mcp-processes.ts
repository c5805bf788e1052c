import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Ids of the processes of this machine that have the marker in their arguments. */
export function processesWith(marker: string): readonly number[] {
  return process.platform === 'linux' ? inProc(marker) : listed(marker);
}

function inProc(marker: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && argumentsOf(name).includes(marker))
    .map(Number);
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return ''; // it is gone
  }
}

function listed(marker: string): readonly number[] {
  const lines = execFileSync('ps', ['-axww', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(marker)).map((line) => Number.parseInt(line, 10));
}
