import { expect, it, onTestFinished } from 'vitest';
import { createCleanup, withCleanup } from '../src/index.ts';

it('ERR-2, DEF-5: what is to be cleaned up is undone in reverse order, past failures, and all of them are told', async () => {
  const done: string[] = [];
  const errors = [new Error('CANARY'), 'CANARY'];
  const cleanup = createCleanup();
  cleanup.add('store', () => void done.push('store'));
  cleanup.add('sandbox', () => {
    throw errors[0];
  });
  cleanup.add('engine', async () => {
    done.push('engine');
    throw errors[1];
  });

  const error: unknown = await cleanup.run().catch((thrown: unknown) => thrown);

  expect(done).toEqual(['engine', 'store']);
  expect(error).toMatchObject({
    code: 'CLEANUP_FAILED',
    message: 'These could not be cleaned up: engine, sandbox',
    meta: { failed: ['engine', 'sandbox'] },
    cause: { errors: [errors[1], errors[0]] },
  });
  await expect(cleanup.run()).resolves.toBeUndefined();
});

it('ERR-2: a failure of cleaning up replaces neither the error nor the result of the work before it', async () => {
  const first = new Error('first');
  const second = new Error('CANARY');
  const lost: unknown[] = [];
  const dispose = () => Promise.reject(second);

  await expect(
    withCleanup(
      'session',
      () => Promise.reject(first),
      dispose,
      (error) => lost.push(error),
    ),
  ).rejects.toBe(first);
  await expect(
    withCleanup(
      'session',
      async () => 'done',
      dispose,
      (error) => lost.push(error),
    ),
  ).resolves.toBe('done');
  await expect(
    withCleanup(
      'session',
      async () => 'done',
      async () => {},
      (error) => lost.push(error),
    ),
  ).resolves.toBe('done');
  expect(lost).toEqual([second, second]);
});

it('ERR-2, I11: where nobody else is told, the process is, without the words of the failure', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));

  await withCleanup(
    'session',
    async () => 1,
    () => Promise.reject(new Error('CANARY')),
  );
  await new Promise(setImmediate);

  expect(warnings).toMatchObject([{ name: 'PrusikWarning', code: 'CLEANUP_FAILED' }]);
  expect(String(warnings[0]?.stack)).not.toContain('CANARY');
});
