import { createHmac } from 'node:crypto';
import type { ModelMetadata } from './model-chunk.ts';
import type { ScriptedPart, ScriptedReply, ScriptedRequest } from './script-types.ts';
import { isChunk } from './scripted-stream.ts';
import { scriptedModel, type ScriptedModel, type ScriptedModelOptions } from './scripted-model.ts';

/** What {@link signingModel} takes besides its script. */
export interface SigningModelOptions extends ScriptedModelOptions {
  /** Another model with the same secret accepts what this one signed, as another server of one provider does. @default 'secret' */
  readonly secret?: string;
}

/**
 * A scripted model that signs what it thinks, and the calls that follow from it, and refuses a conversation in which they do not come back as they
 * were: changed, left out, or out of their place. Providers do the same. A refusal is an error with `statusCode` 400, `isRetryable` false and a
 * message that says what is wrong with which message.
 */
export function signingModel(
  script: readonly (ScriptedReply | ((request: ScriptedRequest) => ScriptedReply))[],
  { secret = 'secret', provider = 'signing', ...options }: SigningModelOptions = {},
): ScriptedModel {
  const sign = (...what: readonly unknown[]): ModelMetadata => {
    const signature = createHmac('sha256', secret).update(JSON.stringify(what)).digest('base64');
    return { [provider]: { signature } };
  };

  function signed(reply: ScriptedReply): ScriptedReply {
    let thoughts: string[] = [];
    // As a literal array: Array.isArray does not narrow a readonly one.
    return (Array.isArray(reply) ? (reply as readonly ScriptedPart[]) : [reply as ScriptedPart]).map((part) => {
      if (typeof part === 'string' || isChunk(part)) return part;
      if ('reasoning' in part) {
        thoughts = [...thoughts, part.reasoning];
        return { ...part, providerMetadata: sign('thought', part.reasoning) };
      }
      if (!('call' in part) || thoughts.length === 0) return part;
      return { ...part, providerMetadata: sign('call', part.call, part.input ?? {}, thoughts) };
    });
  }

  function check({ prompt }: ScriptedRequest): void {
    for (const [at, { role, content }] of prompt.entries()) {
      if (role !== 'assistant' || !Array.isArray(content)) continue;
      const thoughts: string[] = [];
      let spoken = false;
      for (const part of content as readonly PromptPart[]) {
        const found = part.providerOptions?.[provider]?.['signature'];
        const matches = (expected: ModelMetadata): boolean => found === expected[provider]?.['signature'];
        if (part.type === 'reasoning') {
          if (found === undefined) refuse(at, 'holds a thought without its signature');
          if (!matches(sign('thought', part.text))) refuse(at, 'holds a thought that is not what was signed');
          if (spoken) refuse(at, 'holds a thought after what follows from it');
          thoughts.push(part.text ?? '');
        } else {
          spoken = true;
          if (part.type !== 'tool-call' || found === undefined) continue;
          if (!matches(sign('call', part.toolName, part.input, thoughts)))
            refuse(at, 'holds a call that does not follow from its thoughts');
        }
      }
    }
  }

  return scriptedModel(
    script.map((reply) => (request: ScriptedRequest) => {
      check(request);
      return signed(typeof reply === 'function' ? reply(request) : reply);
    }),
    { provider, ...options },
  );
}

interface PromptPart {
  readonly type: string;
  readonly text?: string;
  readonly toolName?: string;
  readonly input?: unknown;
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
}

function refuse(at: number, what: string): never {
  throw Object.assign(new Error(`Message ${at} ${what}`), { statusCode: 400, isRetryable: false });
}
