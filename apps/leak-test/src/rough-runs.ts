import { PrusikError, type Logger, type Observer } from '@prusik/core';
import { defineHarness } from '@prusik/harness';
import { sqliteStore } from '@prusik/store-sqlite';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { join } from 'node:path';
import { z } from 'zod';
import { tellError, tellResult } from './errors.ts';
import type { Order, Tell } from './order.ts';
import type { Kind } from './words.ts';

interface Means {
  readonly logger: Logger;
  readonly tell: Tell;
}

/** Programs whose own code fails around the runs: with a logger, with none, and with one that fails as well. */
export async function runRough({ words, folder }: Order, { logger, tell }: Means): Promise<void> {
  const thrown = (kind: Kind): Error => {
    tell('app', words[kind]);
    return Object.assign(new Error(`no "${words[kind]}" – ö`), { name: words[kind], code: words[kind] });
  };
  const fail = (kind: Kind) => (): never => {
    throw thrown(kind);
  };
  const doubtful = defineWorkflow({
    name: 'doubtful',
    input: z.object({}),
    run: (ctx) =>
      ctx.step(
        `send ${words.stepKey}`,
        () => {
          throw new PrusikError('SHOP_LOST', words.workflowError, { meta: { inDoubt: true } });
        },
        { effect: 'once', check: fail('checkError') },
      ),
  });
  const homeless = defineWorkflow({ name: 'homeless', input: z.object({}), run: () => 1 });
  const observer: Observer = {
    caller: fail('observerError'),
    drive: fail('observerError'),
    event: fail('observerError'),
  };
  const bad: Logger = {
    debug: fail('loggerError'),
    info: fail('loggerError'),
    warn: fail('loggerError'),
    error: fail('loggerError'),
  };

  for (const [name, logged] of [
    ['logged', { logger }],
    ['silent', {}],
    ['hurt', { logger: bad }],
  ] as const) {
    const harness = defineHarness({
      store: sqliteStore({ path: join(folder, `${name}.db`) }),
      workflows: { doubtful, homeless },
      observers: [observer],
      deps({ definition }) {
        if (definition === 'homeless') throw thrown('depsError');
        return {
          [Symbol.asyncDispose]() {
            throw thrown('disposeError');
          },
        };
      },
      ...logged,
    });
    try {
      tellResult(tell, await harness.run('doubtful', {}, { id: 'doubtful-1' }));
      tellResult(tell, await harness.run('homeless', {}, { id: 'homeless-1' }));
    } finally {
      await harness[Symbol.asyncDispose]();
    }
  }
  tell('app', folder);
  try {
    sqliteStore({ path: join(folder, 'nowhere', 'runs.db') });
  } catch (error) {
    tellError(tell, error);
  }
}
