import { createGateway } from '@ai-sdk/gateway';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModelObject } from '@prusik/agents';
import { PrusikError } from '@prusik/core';
import { createOfflineModel, OFFLINE_NOTICE } from './offline/offline-model.ts';

/** A model as a person names it, and as a run keeps it: whoever takes the run further asks the same one. */
export interface ModelChoice {
  /** `offline`, `gateway:ID` or `openai-compatible:NAME` */
  readonly model: string;
  /** Of a server that speaks the protocol of OpenAI's chat completions. */
  readonly baseUrl?: string;
}

/** Who words the notes. */
export interface Wording {
  readonly model: LanguageModelObject;
  /** The last line of the notes. */
  readonly writtenBy: string;
}

const GATEWAY_KEY = 'AI_GATEWAY_API_KEY';
/** Many servers of one's own ask for none. */
const COMPATIBLE_KEY = 'OPENAI_COMPATIBLE_API_KEY';

const written = (who: string): string =>
  `Written by the language model ${who}. Which commits are told, and where, was decided by rules.`;

/** @throws {PrusikError} `MODEL_KEY_MISSING`, naming the variable that it has to be in. */
export function createWording(choice: ModelChoice, env: NodeJS.ProcessEnv): Wording {
  const { kind, id } = splitModel(choice.model);
  switch (kind) {
    case 'offline':
      return { model: createOfflineModel(), writtenBy: OFFLINE_NOTICE };
    case 'gateway': {
      const apiKey = env[GATEWAY_KEY];
      if (apiKey === undefined || apiKey === '')
        throw new PrusikError('MODEL_KEY_MISSING', `${choice.model} needs a key: set ${GATEWAY_KEY} to it`);
      return { model: createGateway({ apiKey })(id), writtenBy: written(`${id}, through the AI Gateway`) };
    }
    case 'openai-compatible': {
      const apiKey = env[COMPATIBLE_KEY];
      const provider = createOpenAICompatible({
        name: 'openai-compatible',
        baseURL: choice.baseUrl ?? '',
        includeUsage: true,
        // Without it the server would be told to reply in JSON, and not in which.
        supportsStructuredOutputs: true,
        ...(apiKey === undefined || apiKey === '' ? {} : { apiKey }),
      });
      return { model: provider(id), writtenBy: written(id) };
    }
    default:
      return kind satisfies never;
  }
}

/**
 * Checks what a person asked for.
 *
 * @throws {TypeError} saying what is wrong with it.
 */
export function parseModel(model: string | undefined, baseUrl: string | undefined): ModelChoice | undefined {
  if (model === undefined) {
    if (baseUrl !== undefined) throw new TypeError('--base-url goes with --model openai-compatible:NAME');
    return undefined;
  }
  const { kind, id } = splitModel(model);
  if (kind !== 'openai-compatible') {
    if (baseUrl !== undefined) throw new TypeError(`--base-url does not go with --model ${kind}`);
    if (kind === 'gateway' && id === '') throw new TypeError('--model gateway:ID needs an id, such as vendor/model');
    return { model };
  }
  if (id === '') throw new TypeError('--model openai-compatible:NAME needs a name');
  if (baseUrl === undefined) throw new TypeError(`--model ${model} needs --base-url URL`);
  return { model, baseUrl: checkedUrl(baseUrl) };
}

function splitModel(model: string): {
  readonly kind: 'offline' | 'gateway' | 'openai-compatible';
  readonly id: string;
} {
  const colon = model.indexOf(':');
  const kind = colon < 0 ? model : model.slice(0, colon);
  const id = colon < 0 ? '' : model.slice(colon + 1);
  if (model === 'offline') return { kind: 'offline', id: '' };
  if (kind === 'gateway' || kind === 'openai-compatible') return { kind, id };
  throw new TypeError(`--model must be offline, gateway:ID or openai-compatible:NAME, not ${JSON.stringify(model)}`);
}

/** The address is kept with the run, so a password has no place in it. */
function checkedUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new TypeError(`--base-url must be an http address`);
  if (url.username !== '' || url.password !== '')
    throw new TypeError(`--base-url must hold no password; set ${COMPATIBLE_KEY} to the key`);
  return text.replace(/\/+$/, '');
}
