import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { misbehavingMcpServers, processGroup, type McpServerKind } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('fixtures/mcp-caller.ts', import.meta.url));

/** Kills a program in the middle of a call of an MCP server, after the effect, and lets another go on with the run. */
async function killedAndResumed(isolation: 'none' | 'bubblewrap', effect: 'once' | 'repeatable') {
  const root = await mkdtemp(join(tmpdir(), 'prusik-mcp-'));
  await chmod(root, 0o755);
  const servers = misbehavingMcpServers({ place: isolation === 'none' ? 'host' : 'sandbox' });
  const group = processGroup();
  const start = (kind: McpServerKind) =>
    group.start({
      name: 'caller',
      script,
      args: [join(root, 'store.db')],
      execArgv: ['--conditions=@prusik/source'],
      env: {
        ROOT: join(root, 'sandbox'),
        ISOLATION: isolation,
        SERVER: JSON.stringify({
          transport: 'stdio',
          ...servers.program(kind),
          approval: 'never',
          effects: { act: effect },
          ...(isolation === 'none' ? { require: { files: 'none', processes: 'none' } } : {}),
        }),
      },
    });
  try {
    const first = start('hang-in-call');
    await expect.poll(() => servers.effects(), { timeout: 30_000 }).toEqual(['one']);
    first.kill();
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL' });
    await expect.poll(() => servers.processes(), { timeout: 5_000 }).toEqual([]);

    const second = start('well');
    expect(await second.ended, second.output).toMatchObject({ code: 0 });
    expect(servers.processes()).toEqual([]);
    return { effects: servers.effects(), told: second.output };
  } finally {
    await group[Symbol.asyncDispose]();
    await servers[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  }
}

/** What becomes of a run whose program is killed in the middle of an MCP call. */
export function killedMcpCall(isolation: 'none' | 'bubblewrap'): void {
  describe(`DUR-5, MCP-2: a run that is killed in the middle of an MCP call (${isolation})`, () => {
    it(
      'I4: goes on with a call in doubt, which has happened once, where it may happen once',
      { timeout: 90_000 },
      async () => {
        const { effects, told } = await killedAndResumed(isolation, 'once');

        expect(effects).toEqual(['one']);
        expect(told).toContain('STEP_IN_DOUBT');
        expect(told).toMatch(/completed\s*$/);
      },
    );

    it('goes on with the call made again where the program says that it may be', { timeout: 90_000 }, async () => {
      const { effects, told } = await killedAndResumed(isolation, 'repeatable');

      expect(effects).toEqual(['one', 'one']);
      expect(told).toContain('"done"');
      expect(told).toMatch(/completed\s*$/);
    });
  });
}
