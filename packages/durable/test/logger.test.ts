import { PrusikError, type LogFields, type Logger, type Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEngine, warningsTo } from '../src/index.ts';
import { durable } from './support.ts';

function collected() {
  const lines: object[] = [];
  const at =
    (level: string) =>
    (fields: LogFields, message: string): void =>
      void lines.push({ level, ...fields, message });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { lines, logger };
}

/** What the process is warned of. */
function processWarnings(): { readonly warnings: Error[]; readonly told: () => Promise<void> } {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  return { warnings, told: () => new Promise((resolve) => setImmediate(resolve)) };
}

describe('TEL-5: the logger of an engine', () => {
  it('has lines of what its runs do, without content', async () => {
    const { lines, logger } = collected();
    const failing = durable('failing', (ctx) =>
      ctx.step('s', () => {
        throw new PrusikError('SHOP_LOST', 'CANARY', { meta: { of: 'CANARY' } });
      }),
    );
    await using engine = createEngine({ store: memoryStore(), definitions: [failing], logger });

    await engine.run('failing', 'CANARY', { id: 'r' });

    const run = { tenant: 'default', run: 'r', definition: 'failing' };
    expect(lines.filter((line) => !('level' in line) || line.level !== 'debug')).toMatchObject([
      { level: 'warn', event: 'run-end', status: 'failed', code: 'SHOP_LOST', ...run },
    ]);
    expect(lines).toMatchObject([{ event: 'drive-start' }, { event: 'run-end' }, { event: 'drive-end', how: 'ended' }]);
    expect(JSON.stringify(lines)).not.toContain('CANARY');
  });

  it('has the warnings that nobody else is told of, with the code of their cause', async () => {
    const { lines, logger } = collected();
    const store: Store = { ...memoryStore(), claim: () => Promise.reject(new Error('CANARY')) };
    const { warnings, told } = processWarnings();
    const engine = createEngine({ store, definitions: [], logger });

    const worker = engine.worker();
    await expect.poll(() => lines.length).toBeGreaterThan(1);
    await worker[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await told();

    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', event: 'warning', code: 'CLAIM_FAILED', cause: 'UNKNOWN_ERROR' }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ event: 'worker-start' }));
    expect(JSON.stringify(lines)).not.toContain('CANARY');
    expect(warnings).toEqual([]);
  });

  it('AGT-13: changes nothing where it throws', async () => {
    const throws = (): never => {
      throw new Error('CANARY');
    };
    const { warnings, told } = processWarnings();
    await using engine = createEngine({
      store: memoryStore(),
      definitions: [durable('work', (ctx) => ctx.step('s', () => 1))],
      logger: { debug: throws, info: throws, warn: throws, error: throws },
    });

    expect(await engine.run('work', null)).toMatchObject({ status: 'completed', output: 1 });
    await told();
    expect(warnings).toMatchObject([{ code: 'LOGGER_FAILED' }]);
    expect(String(warnings[0]?.stack)).not.toContain('CANARY');
  });
});

describe('I11: a warning', () => {
  it('goes to whoever asked for it with its cause, and to nobody else', () => {
    const { lines, logger } = collected();
    const heard: unknown[] = [];
    const warning = { code: 'STORE_CORRUPT', message: 'broken', cause: new Error('x') };

    warningsTo({ onWarning: (one) => heard.push(one), logger })(warning);
    expect([heard, lines]).toEqual([[warning], []]);
    warningsTo({ logger })(warning);
    expect(lines).toEqual([
      { level: 'error', event: 'warning', code: 'STORE_CORRUPT', message: 'broken', cause: 'UNKNOWN_ERROR' },
    ]);
  });

  it('AGT-13: whose listener throws or rejects is told to the process once, without its words', async () => {
    const { warnings, told } = processWarnings();
    const throwing = warningsTo({
      onWarning() {
        throw new Error('CANARY');
      },
    });
    const rejecting = warningsTo({ onWarning: (() => Promise.reject(new Error('CANARY'))) as never });

    for (const tell of [throwing, throwing, rejecting]) tell({ code: 'CLAIM_FAILED', message: 'CANARY' });
    await told();
    await told();

    expect(warnings.map(({ message }) => message)).toEqual([
      'onWarning failed when it was told of CLAIM_FAILED',
      'onWarning failed when it was told of CLAIM_FAILED',
    ]);
    expect(warnings.map(({ stack }) => stack).join()).not.toContain('CANARY');
  });
});
