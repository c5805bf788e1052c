import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { afterEach, expect, it } from 'vitest';
import { runFixture, startFixture } from './fixtures/run-fixture.ts';
import { temporaryFolder } from './temporary.ts';

const roots: string[] = [];
const markers: string[] = [];
afterEach(async () => {
  // What a failed test found must not outlive it.
  for (const marker of markers.splice(0)) for (const pid of processesWith(marker)) process.kill(Number(pid), 'SIGKILL');
  for (const folder of roots.splice(0)) await rm(folder, { recursive: true, force: true });
});

it('SBX-5: nothing of a session survives SIGKILL of the harness', { timeout: 60_000 }, async () => {
  const marker = newMarker();
  const harness = startFixture('holds-session', [await newRoot(), marker]);
  await saysReady(harness);
  const before = processesWith(marker).length;

  harness.kill('SIGKILL');
  await once(harness, 'exit');

  // The harness itself carries the marker too.
  expect(before).toBeGreaterThan(4);
  await expect.poll(() => processesWith(marker), { timeout: 5_000 }).toEqual([]);
});

it('SBX-5: a harness killed while it starts commands leaves none of them', { timeout: 120_000 }, async () => {
  const marker = newMarker();
  for (let round = 0; round < 6; round++) {
    const harness = startFixture('starts-forever', [await newRoot(), marker]);
    await saysReady(harness);
    await new Promise((resolve) => setTimeout(resolve, 20 + round * 6));
    harness.kill('SIGKILL');
    await once(harness, 'exit');
  }

  await expect.poll(() => processesWith(marker), { timeout: 5_000 }).toEqual([]);
});

it('SBX-5: a program that only awaits a command hears that it could not be started', async () => {
  const said = await runFixture('fails-to-start', [await newRoot()], { timeout: 30_000 });

  expect(said).toBe('SANDBOX_START_FAILED');
});

function newMarker(): string {
  const marker = `prusik-${randomUUID()}`;
  markers.push(marker);
  return marker;
}

async function newRoot(): Promise<string> {
  const folder = await temporaryFolder();
  roots.push(folder);
  return folder;
}

async function saysReady(harness: ReturnType<typeof startFixture>): Promise<void> {
  if (harness.stdout === null) throw new Error('The harness has no output');
  await once(harness.stdout, 'data');
}

function processesWith(marker: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    try {
      return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes(marker);
    } catch {
      return false;
    }
  });
}
