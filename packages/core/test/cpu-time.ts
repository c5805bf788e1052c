/** Processor time of this process in milliseconds: what others do on the machine is no part of it. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
