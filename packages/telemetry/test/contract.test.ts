import { observerContract } from '@prusik/testing-contracts';
import { describe, it } from 'vitest';
import { telemetry } from '../src/index.ts';
import { recorded } from './recorded.ts';

describe('telemetry with an SDK, as an observer', () => {
  observerContract({
    test: it,
    create() {
      const { tracerProvider, meterProvider } = recorded();
      return telemetry({ tracerProvider, meterProvider, capture: { messages: 'full', tools: 'full', errors: 'full' } });
    },
  });
});

describe('telemetry without an SDK, as an observer', () => {
  observerContract({ test: it, create: () => telemetry() });
});
