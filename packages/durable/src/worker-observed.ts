import { disposable } from '@prusik/core';
import type { DriveEnv } from './drive-env.ts';

/** Tells observers that a worker starts, and with its disposal that it has stopped. */
export function workerObserved({ observer, worker, limits }: DriveEnv): Disposable {
  const tell = (did: 'start' | 'stop'): void => observer?.event({ type: 'worker', worker, did, slots: limits.slots });
  tell('start');
  return disposable(() => tell('stop'));
}
