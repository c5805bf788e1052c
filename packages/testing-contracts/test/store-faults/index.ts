import { ARTIFACT_FAULTS } from './artifact-faults.ts';
import { BLOB_FAULTS } from './blob-faults.ts';
import { BRANCH_FAULTS } from './branch-faults.ts';
import { CLAIM_FAULTS } from './claim-faults.ts';
import { COMPACTION_FAULTS } from './compaction-faults.ts';
import { DEADLINE_FAULTS } from './deadline-faults.ts';
import { COMMIT_FAULTS } from './commit-faults.ts';
import type { StoreFault } from './fault.ts';
import { FENCE_FAULTS } from './fence-faults.ts';
import { GRANT_FAULTS } from './grant-faults.ts';
import { HEALTH_FAULTS } from './health-faults.ts';
import { HISTORY_FAULTS } from './history-faults.ts';
import { IMPORT_FAULTS } from './import-faults.ts';
import { LIST_FAULTS } from './list-faults.ts';
import { LEDGER_FAULTS } from './ledger-faults.ts';
import { LIFETIME_FAULTS } from './lifetime-faults.ts';
import { LIVE_TEXT_FAULTS } from './live-text-faults.ts';
import { NOTE_FAULTS } from './note-faults.ts';
import { READ_FAULTS } from './read-faults.ts';
import { REMOVAL_FAULTS } from './removal-faults.ts';
import { REQUEST_FAULTS } from './request-faults.ts';
import { RETENTION_FAULTS } from './retention-faults.ts';
import { SESSION_LIFE_FAULTS } from './session-life-faults.ts';
import { SESSION_FAULTS } from './session-faults.ts';
import { SIGNAL_FAULTS } from './signal-faults.ts';
import { SLOT_FAULTS } from './slot-faults.ts';
import { START_FAULTS } from './start-faults.ts';
import { STEER_FAULTS } from './steer-faults.ts';
import { TRANSITION_FAULTS } from './transition-faults.ts';
import { VALUE_FAULTS } from './value-faults.ts';
import { WATCH_FAULTS } from './watch-faults.ts';

export const STORE_FAULTS: readonly StoreFault[] = [
  ...START_FAULTS,
  ...CLAIM_FAULTS,
  ...DEADLINE_FAULTS,
  ...FENCE_FAULTS,
  ...COMMIT_FAULTS,
  ...TRANSITION_FAULTS,
  ...SESSION_FAULTS,
  ...STEER_FAULTS,
  ...BRANCH_FAULTS,
  ...HISTORY_FAULTS,
  ...SLOT_FAULTS,
  ...SESSION_LIFE_FAULTS,
  ...REMOVAL_FAULTS,
  ...IMPORT_FAULTS,
  ...RETENTION_FAULTS,
  ...COMPACTION_FAULTS,
  ...SIGNAL_FAULTS,
  ...REQUEST_FAULTS,
  ...GRANT_FAULTS,
  ...LEDGER_FAULTS,
  ...READ_FAULTS,
  ...LIST_FAULTS,
  ...HEALTH_FAULTS,
  ...NOTE_FAULTS,
  ...ARTIFACT_FAULTS,
  ...VALUE_FAULTS,
  ...BLOB_FAULTS,
  ...WATCH_FAULTS,
  ...LIVE_TEXT_FAULTS,
  ...LIFETIME_FAULTS,
];
