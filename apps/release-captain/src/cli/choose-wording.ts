import { existsSync } from 'node:fs';
import { DEFAULT_TENANT, isPrusikError, type PrusikError } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { createWording, type ModelChoice, type Wording } from '../models.ts';
import { createOfflineModel } from '../offline/offline-model.ts';
import type { ReleaseInput } from '../release/workflow.ts';
import type { Command } from './arguments.ts';

/**
 * Who words the notes: whom the command names, else whom the run was begun with.
 *
 * @throws {PrusikError} `MODEL_KEY_MISSING`, before anything is started.
 */
export async function chooseWording(
  command: Exclude<Command, { type: 'help' | 'version' | 'show' }>,
  env: NodeJS.ProcessEnv,
): Promise<Wording> {
  const named = command.type === 'release' ? command.model : undefined;
  const run = command.type === 'release' ? command.runId : command.run;
  const choice = named ?? (run === undefined ? undefined : await choiceOf(command.db, run)) ?? { model: 'offline' };
  try {
    return createWording(choice, env);
  } catch (error) {
    // When a person decides, everything is worded already: no key is needed for that.
    if (command.type === 'decide' && isPrusikError(error, 'MODEL_KEY_MISSING')) return wordless(error);
    throw error;
  }
}

async function choiceOf(db: string, run: string): Promise<ModelChoice | undefined> {
  if (!existsSync(db)) return undefined;
  const store = sqliteStore({ path: db });
  try {
    const known = (await store.run({ tenant: DEFAULT_TENANT, run }))?.input as ReleaseInput | undefined;
    if (known?.model === undefined) return undefined;
    return { model: known.model, ...(known.baseUrl === undefined ? {} : { baseUrl: known.baseUrl }) };
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

/** Says why it has no words. */
function wordless(reason: PrusikError): Wording {
  const model = {
    ...createOfflineModel(),
    doGenerate: () => Promise.reject(reason),
    doStream: () => Promise.reject(reason),
  };
  return { model, writtenBy: '' };
}
