// Other programs, as a runtime or a minimal client starts them: no queue but a bound on how many run at once.
import { spawn } from 'node:child_process';

let started = 0;

/** Programs started so far by this process. */
export const programsStarted = (): number => started;

/** Runs a program; its standard output. Rejects with what it said when it ends with another status than 0. */
export function run(
  [program = '', ...args]: readonly string[],
  stdin = '',
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  started += 1;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env, cwd: '/' });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.on('error', reject);
  child.on('close', (code) => {
    if (code === 0) resolve(stdout);
    else reject(new Error(`${program} ${args.join(' ')}: exit status ${code}: ${stderr}${stdout}`));
  });
  child.stdin.end(stdin);
  return promise;
}

/** Lets `atOnce` of the given works run at the same moment. */
export function bounded(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((turn) => queue.push(turn));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
