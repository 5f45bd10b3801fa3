// Processor time of a process, of those that it has started and waited for, and of those that still run.
import { readFileSync, readdirSync } from 'node:fs';

/** Of the kernel's accounts in /proc (proc(5)): every distribution has 100 to the second. */
const TICKS = 100;

interface Account {
  readonly parent: number;
  /** Its own, and that of children it has waited for, in seconds. */
  readonly seconds: number;
}

function account(pid: string): Account | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, waitedUser = 0, waitedSystem = 0] = fields.slice(11, 15);
    return { parent: fields[1] ?? 0, seconds: (user + system + waitedUser + waitedSystem) / TICKS };
  } catch {
    return undefined;
  }
}

/** Seconds of processor that the process and its descendants have had. */
export function processorSeconds(root: number): number {
  const accounts = new Map<number, Account>();
  for (const name of readdirSync('/proc')) {
    const found = /^\d+$/.test(name) ? account(name) : undefined;
    if (found !== undefined) accounts.set(Number(name), found);
  }
  const isOf = (pid: number): boolean => {
    const parent = accounts.get(pid)?.parent ?? 0;
    return pid === root || (parent > 1 && isOf(parent));
  };
  return [...accounts].reduce((sum, [pid, { seconds }]) => (isOf(pid) ? sum + seconds : sum), 0);
}
