import * as published from '@prusik/sessions';
import { expect, it } from 'vitest';

it('publishes these names and no others', () => {
  expect(Object.keys(published).toSorted()).toEqual([
    'createSessions',
    'foldUiChunks',
    'handleChatTurn',
    'inlineFiles',
    'persistTurns',
    'readEventId',
    'toNdjson',
    'toSse',
    'toUiMessageStream',
    'toUiMessages',
  ]);
});
