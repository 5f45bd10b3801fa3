/**
 * What a person sees while the cluster is being made: which step runs, how far it is, how long it took. On a pipe a long
 * step says every ten seconds that it is alive; on a terminal the line is rewritten in place.
 */
import type { WriteStream } from 'node:tty';

export interface Progress {
  /** Runs one step. `report` replaces the detail shown behind the title ("Unpacking 57 of 212"). */
  step<T>(title: string, work: (report: (detail: string) => void) => Promise<T>): Promise<T>;
  /** A line of its own. */
  note(text: string): void;
  /** Milliseconds since this was made. */
  elapsed(): number;
}

/** `12 ms`, `3.4 s`, `2 min 05 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 100_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** Progress on a stream; steps may overlap, each gets its own lines. */
export function progressOn(stream: NodeJS.WritableStream): Progress {
  const start = performance.now();
  const live = (stream as Partial<WriteStream>).isTTY === true;
  const clock = (): string => `${((performance.now() - start) / 1000).toFixed(1).padStart(7)} s  `;
  const line = (text: string): void => void stream.write(`${live ? '\r\u001b[K' : ''}${clock()}${text}\n`);
  return {
    elapsed: () => performance.now() - start,
    note: line,
    async step(title, work) {
      const begun = performance.now();
      let detail = '';
      const tell = (): string => `${title}${detail === '' ? '' : `: ${detail}`}`;
      const rewrite = (): void => void stream.write(`\r\u001b[K${clock()}${tell()}`.slice(0, 150));
      const beat = setInterval(
        () => (live ? rewrite() : line(`${tell()} ... (${duration(performance.now() - begun)} so far)`)),
        live ? 200 : 10_000,
      );
      beat.unref();
      if (live) rewrite();
      try {
        const result = await work((text) => (detail = text));
        line(`${title} (${duration(performance.now() - begun)})`);
        return result;
      } catch (error) {
        line(`${title} FAILED (${duration(performance.now() - begun)})`);
        throw error;
      } finally {
        clearInterval(beat);
      }
    },
  };
}

/** Says nothing: for callers that only want the work done. */
export const silent: Progress = {
  elapsed: () => 0,
  note: () => {},
  step: (_title, work) => work(() => {}),
};

/** The default of everything that is run by hand: standard error, so that output can be piped. */
export const onStderr = (): Progress => progressOn(process.stderr);
