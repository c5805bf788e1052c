import { isFinal, runKeyText, type Run } from '@prusik/core';
import type { Engine } from '@prusik/durable';

/** One of those who have a turn driven in this process. */
export interface TurnFollower extends Disposable {
  /** Whether the turn has come to a rest, after its entry of this number, of which none of them has heard. */
  isNews(seq: number): boolean;
}

interface Followed {
  followers: number;
  told: number;
}

const followed = new WeakMap<Engine, Map<string, Followed>>();

/** A message that is posted twice and every page that is loaded again follow one turn, and what is done when it rests is done once. */
export function followTurn(engine: Engine, run: Run): TurnFollower {
  const turns = followed.get(engine) ?? new Map<string, Followed>();
  followed.set(engine, turns);
  const name = runKeyText(run.key);
  const rests = isFinal(run.status) || run.status === 'waiting' || run.status === 'blocked';
  const turn = turns.get(name) ?? { followers: 0, told: rests ? run.seq : run.seq - 1 };
  turns.set(name, turn);
  turn.followers += 1;
  return {
    isNews(seq) {
      if (seq <= turn.told) return false;
      turn.told = seq;
      return true;
    },
    [Symbol.dispose]() {
      turn.followers -= 1;
      if (turn.followers === 0) turns.delete(name);
    },
  };
}
