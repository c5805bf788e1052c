import type { AppHarness } from './definitions.ts';
import { tellError, tellResult } from './errors.ts';
import type { Order, Tell } from './order.ts';

/** Runs of agents and workflows, with people that decide. */
export async function workThrough({ words }: Order, harness: AppHarness, tell: Tell): Promise<void> {
  const options = { context: { user: words.userContext } };
  const prompt = `I wish "${words.prompt}" – ö; my key is sk-ant-api03-${words.shapedSecret}0123456789`;

  await harness.run('desk', prompt, { id: 'desk-1', ...options });
  await decide(harness, words);
  tellResult(tell, await harness.drive('desk-1'));

  await harness.run('plan', { wish: words.runInput }, { id: 'plan-1', ...options });
  await harness.signal('plan-1', 'go', { said: words.signalBody });
  tellResult(tell, await harness.drive('plan-1'));
  tellResult(tell, await harness.run('miscoded', {}, { id: 'miscoded-1', ...options }));
  const image = { base64: Buffer.from(`not a picture of ${words.attachment}`).toString('base64') };
  const parts = [
    { type: 'text', text: words.prompt },
    { type: 'file', mediaType: 'image/png', data: image, name: `${words.attachmentName}.png` },
  ] as const;
  tellResult(tell, await harness.run('shaky', parts, { id: 'shaky-1', ...options }));
  for (const [name, input] of [
    ['failing', words.runInput],
    ['broken', prompt],
    ['cut', prompt],
  ] as const)
    tellResult(tell, await harness.run(name, input, { id: `${name}-1`, ...options }));

  await harness.start('desk', prompt, { id: 'cancelled', ...options });
  await harness.cancel('cancelled', words.cancelReason);
  const worker = harness.worker();
  try {
    tellResult(tell, await harness.drive('cancelled'));
  } finally {
    await worker[Symbol.asyncDispose]();
  }

  // What a caller does wrong.
  await harness
    .run('plan', { wish: { [words.runInput]: words.runInput } } as never, options)
    .catch((error: unknown) => tellError(tell, error));
  await harness
    .run('plan', { wish: words.prompt }, { id: 'plan-1', ...options })
    .catch((error: unknown) => tellError(tell, error));
  await harness.answer('desk-1', words.requestBody, words.answer).catch((error: unknown) => tellError(tell, error));
}

/** Answers and allows whatever is asked, until nothing is. */
export async function decide(harness: AppHarness, words: Order['words']): Promise<void> {
  for (;;) {
    const [request] = (await harness.requests()).items;
    if (request === undefined) return;
    if (request.kind === 'question')
      await harness.answer(request.run, request.id, words.answer, { reason: words.decisionReason });
    else await harness.approve(request.run, request.id, { reason: words.decisionReason });
    await harness.drive(request.run);
  }
}
