import type { LiveTextRow, LiveTextWrite, Store } from '@prusik/core';
import { liveText, port, storage, without, type StoreFault } from './fault.ts';

/** Every write goes to the store as `change` makes it. */
const writing = (name: string, caughtBy: string, change: (write: LiveTextWrite) => LiveTextWrite): StoreFault =>
  port(name, caughtBy, (store) => ({ writeLiveText: (writes) => store.writeLiveText(writes.map(change)) }));

/** The fence is opened with the epoch that the run has just now. */
async function withEpochOf(store: Store, write: LiveTextWrite): Promise<LiveTextWrite> {
  return { ...write, epoch: (await store.run(write.run))?.epoch ?? write.epoch };
}

export const LIVE_TEXT_FAULTS: readonly StoreFault[] = [
  port('text is always read from its beginning', 'text in progress is read from where', (store) => ({
    liveText: (run) => store.liveText(run, []),
  })),
  writing('the name of a step is lost', 'text in progress is read from where', (write) => ({
    ...write,
    texts: write.texts.map((text) => without(text, 'name')),
  })),
  writing('the tool of a block is lost', 'blocks of a step stand side by side', (write) => ({
    ...write,
    texts: write.texts.map((text) => ({ ...text, block: without(text.block, 'tool') })),
  })),
  writing('the blocks of a step are one text', 'blocks of a step stand side by side', (write) => ({
    ...write,
    texts: write.texts.map((text) => ({ ...text, block: { ...text.block, id: 'text' } })),
  })),
  liveText('a repeated attempt takes the place of one block only', 'blocks of a step stand side by side', (rows) => {
    let last: LiveTextRow | undefined;
    return {
      insert: (run, epoch, step) => (last = rows.insert(run, epoch, step)),
      remove(row) {
        if (row.block.kind !== 'tool-input' || last?.attempt === 2) rows.remove(row);
      },
    };
  }),
  liveText('each text is added whole', 'text that is written twice', () => {
    const texts = new Map<number, string>();
    return {
      extend(row, text) {
        texts.set(row.id, (texts.get(row.id) ?? '') + text);
      },
      text: (row) => texts.get(row.id) ?? '',
    };
  }),
  port('a worker that lost its run still writes', 'text of a worker that lost its run', (store) => ({
    async writeLiveText(writes) {
      for (const write of writes) await store.writeLiveText([await withEpochOf(store, write)]);
    },
  })),
  port('text is read of runs that nobody holds', 'of a run that no worker holds', (store) => {
    const last = new Map<string, Awaited<ReturnType<Store['liveText']>>>();
    return {
      async writeLiveText(writes) {
        await store.writeLiveText(writes);
        for (const { run } of writes) last.set(run.run, await store.liveText(run, []));
      },
      liveText: async (run) => last.get(run.run) ?? [],
    };
  }),
  liveText('an earlier attempt goes on where the later one stands', 'a later attempt’s text takes', (rows) => ({
    blocks: (run) => rows.blocks(run).map((row) => ({ ...row, attempt: 1 })),
  })),
  writing('the text of a step that is over stays', 'the text of a step that is over', (write) => ({
    ...write,
    ended: [],
  })),
  port('all text goes when one step is over', 'the text of a step that is over', (store) => ({
    async writeLiveText(writes) {
      for (const write of writes) {
        const steps = write.ended.length === 0 ? [] : await store.liveText(write.run, []);
        await store.writeLiveText([{ ...write, ended: steps.map(({ step }) => step) }]);
      }
    },
  })),
  liveText('text is kept without end', 'the beginning of a text is kept', (rows) => {
    const texts = new Map<number, string>();
    return {
      blocks: (run) => rows.blocks(run).map((row): LiveTextRow => ({ ...row, kept: texts.get(row.id)?.length ?? 0 })),
      insert(run, epoch, step) {
        const row = rows.insert(run, epoch, step);
        texts.set(row.id, '');
        return row;
      },
      extend(row, text, head) {
        const grown = (texts.get(row.id) ?? '') + text;
        texts.set(row.id, grown.padEnd(head, '?'));
        rows.extend(row, text, head);
      },
      text: (row, from) => texts.get(row.id)?.slice(from) ?? '',
    };
  }),
  liveText('how far a text came is forgotten', 'the beginning of a text is kept', (rows) => ({
    blocks: (run) => rows.blocks(run).map((row) => ({ ...row, head: row.kept })),
  })),
  liveText('a hole in a text is closed', 'what follows a hole', (rows) => ({
    blocks: (run) => rows.blocks(run).map((row) => ({ ...row, kept: row.head })),
  })),
  writing('a hole in a text is not seen', 'what follows a hole', (write) => ({
    ...write,
    texts: write.texts.map((text) => ({ ...text, offset: text.offset === 9 ? 5 : text.offset })),
  })),
  liveText('blocks of a run are kept without end', 'so many blocks of a run', (rows) => ({
    blocks(run) {
      const found = rows.blocks(run);
      return found.length < 64 ? found : [...found, ...found];
    },
  })),
  port('whoever watches hears of every run’s text', 'whoever watches a run’s text', (store) => ({
    watchLiveText(run, on) {
      const watchers = [store.watchLiveText(run, on), store.watchLiveText({ ...run, run: 'other' }, on)];
      return {
        [Symbol.dispose]() {
          for (const watcher of watchers) watcher[Symbol.dispose]();
        },
      };
    },
  })),
  port('watching a text cannot be stopped', 'whoever watches a run’s text', (store) => ({
    watchLiveText(run, on) {
      store.watchLiveText(run, on);
      return { [Symbol.dispose]: () => undefined };
    },
  })),
  port('text is written into the journal', 'text in progress is no part of the journal', (store) => ({
    async writeLiveText(writes) {
      for (const { run, epoch, texts } of writes) {
        const entries = texts.map(({ text }) => ({ type: 'note', name: 'text', data: text }) as const);
        await store.commit({ run, epoch, entries, progress: false });
      }
    },
  })),
  port('the good part of a wrong write is kept', 'text that is no text', (store) => ({
    async writeLiveText(writes) {
      for (const write of writes)
        for (const text of write.texts) await store.writeLiveText([{ ...write, texts: [text] }]);
      for (const write of writes) await store.writeLiveText([{ ...write, texts: [] }]);
    },
  })),
  storage('other handles hear of no text', 'another handle reads a text', { tellsNobodyElse: true }),
];
