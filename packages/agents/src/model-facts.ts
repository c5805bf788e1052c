import { sparse, type ModelFacts } from '@prusik/core';
import type { RouteReply } from './call-route.ts';
import { modelName } from './language-model.ts';
import type { ModelRoute } from './model-route.ts';

/** What a step that asked a route tells of it, whatever it makes of the reply. */
export function modelFacts(
  { entries }: ModelRoute,
  { by, finish, firstChunkMs }: RouteReply,
  json = false,
): ModelFacts {
  return sparse<ModelFacts>({
    of: 'model',
    answered: by.model === modelName(entries[0].model) ? undefined : by.model,
    responseModel: by.response?.modelId,
    responseId: by.response?.id,
    finish: finish === 'failed' ? 'error' : finish,
    firstChunkMs,
    json: json ? true : undefined,
    failed: by.failed?.map(({ model, class: why }) => ({ model, why })),
  });
}
