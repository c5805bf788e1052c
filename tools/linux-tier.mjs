// Says whether this machine can run the tests that need Linux, root and Debian packages; `--packages` names the latter.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Command that the tests call → Debian package that brings it. */
const commands = {
  bwrap: 'bubblewrap',
  cc: 'gcc libc6-dev',
  'fiu-run': 'fiu-utils',
  git: 'git',
  make: 'make',
  mount: 'mount',
  perl: 'perl-base',
  prlimit: 'util-linux',
  python3: 'python3',
  setpriv: 'util-linux',
  strace: 'strace',
  tar: 'tar',
};

const missing = Object.entries(commands).filter(
  ([command]) => !(process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command))),
);

if (process.argv.includes('--packages')) {
  console.log(missing.map(([, name]) => name).join(' '));
} else {
  const reasons = [];
  if (process.platform !== 'linux') reasons.push(`this is ${process.platform}, not Linux`);
  else if (process.getuid?.() !== 0) reasons.push('this is not root');
  for (const [command, name] of missing) reasons.push(`${command} is missing (apt-get install ${name})`);
  if (reasons.length > 0) {
    console.error(`The Linux tier cannot run: ${reasons.join('; ')}.`);
    process.exitCode = 1;
  }
}
