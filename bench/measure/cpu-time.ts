import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

interface Usage {
  readonly name: string;
  readonly parent: number;
  /** In clock ticks. */
  readonly own: number;
  /** Of its children that have ended, and theirs. */
  readonly reaped: number;
}

/** Ticks a second: all that Linux tells about a process's time. */
const TICKS = ticksPerSecond();

/** The CPU time of a process so far, in microseconds; `null` where it cannot be told. */
export async function cpuTimeOf(pid: number): Promise<number | null> {
  const usage = await usageOf(pid);
  return usage && microseconds(usage.own);
}

/** The same of a process, its children and those of its children that have ended. */
export async function cpuTimeOfFamily(pid: number): Promise<number | null> {
  const parent = await usageOf(pid);
  if (parent === null) return null;
  let ticks = parent.own + parent.reaped;
  for (const child of await childrenOf(pid)) ticks += (await usageOf(child))?.own ?? 0;
  return microseconds(ticks);
}

/** The process that a backend of PostgreSQL descends from, if it runs on this machine. */
export async function postmasterOf(backend: number): Promise<number | null> {
  const usage = await usageOf(backend);
  return usage?.name.includes('postgres') ? usage.parent : null;
}

/** From `/proc/<pid>/stat` (proc_pid_stat(5)), whose second field, the name, may hold anything. */
async function usageOf(pid: number): Promise<Usage | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    const fields = text
      .slice(end + 2)
      .split(' ')
      .map(Number);
    const [parent, own, system, reaped, reapedSystem] = [1, 11, 12, 13, 14].map((index) => fields[index] ?? 0) as [
      number,
      number,
      number,
      number,
      number,
    ];
    return { name: text.slice(text.indexOf('(') + 1, end), parent, own: own + system, reaped: reaped + reapedSystem };
  } catch {
    return null;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

function microseconds(ticks: number): number {
  return (ticks * 1e6) / TICKS;
}

function ticksPerSecond(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  } catch {
    return 100;
  }
}
