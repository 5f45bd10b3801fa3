// The log of a process: lines of JSON on standard output, and how many there are of each level, under the names that
// Kube-OVN's dashboards have for them.
import { Counter, type Registry } from 'prom-client';
import { pino, type LoggerOptions } from 'pino';

/** Names of levels as klog has them; pino's trace and debug are klog's INFO, fatal is ERROR. */
function klogLevel(level: number): 'INFO' | 'WARN' | 'ERROR' {
  if (level < (pino.levels.values['warn'] ?? Number.NaN)) return 'INFO';
  return level < (pino.levels.values['error'] ?? Number.NaN) ? 'WARN' : 'ERROR';
}

interface Counted {
  readonly lines: number;
  readonly bytes: number;
}

/** Takes a line at once: whoever ends loses none. */
export interface Destination {
  write(line: string): unknown;
}

/** What `processLog` gives; `register` may come later than the first lines, which count all the same. */
export interface ProcessLog {
  readonly log: pino.Logger;
  /** Registers `klog_lines_total` and `klog_bytes_total`, by level. */
  readonly register: (registry: Registry) => void;
}

export function processLog(
  options: LoggerOptions,
  destination: Destination = pino.destination({ dest: 1, sync: true }),
): ProcessLog {
  const counts = new Map<string, Counted>();
  const stream = {
    [pino.symbols.needsMetadataGsym]: true as const,
    lastLevel: 0,
    write(line: string): void {
      const level = klogLevel(stream.lastLevel);
      const { lines, bytes } = counts.get(level) ?? { lines: 0, bytes: 0 };
      counts.set(level, { lines: lines + 1, bytes: bytes + Buffer.byteLength(line) });
      destination.write(line);
    },
  };
  const register = (registry: Registry): void => {
    const metric = (name: string, help: string, of: (counted: Counted) => number): void => {
      const counter = new Counter({
        name,
        help,
        labelNames: ['level'],
        registers: [registry],
        collect: () => {
          counter.reset();
          for (const [level, counted] of counts) counter.inc({ level }, of(counted));
        },
      });
    };
    metric('klog_lines_total', 'Lines that this process has logged.', ({ lines }) => lines);
    metric('klog_bytes_total', 'Bytes that this process has logged.', ({ bytes }) => bytes);
  };
  return { log: pino(options, stream), register };
}
