import type { Command } from './command.ts';
import { artifacts } from './commands/artifacts.ts';
import { backup, restore } from './commands/backup.ts';
import { cancel } from './commands/cancel.ts';
import { approve, answer, edit, intervene, reject } from './commands/decide.ts';
import { doctor } from './commands/doctor.ts';
import { events } from './commands/events.ts';
import { exportRecords, importFile } from './commands/export.ts';
import { graph } from './commands/graph.ts';
import { prune } from './commands/prune.ts';
import { requests } from './commands/requests.ts';
import { runs } from './commands/runs.ts';
import { sessions } from './commands/sessions.ts';
import { show } from './commands/show.ts';
import { wake } from './commands/wake.ts';

/** By name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  runs,
  sessions,
  requests,
  show,
  events,
  artifacts,
  approve,
  reject,
  edit,
  answer,
  intervene,
  cancel,
  wake,
  export: exportRecords,
  import: importFile,
  graph,
  prune,
  backup,
  restore,
  doctor,
};
