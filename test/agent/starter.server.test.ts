// The program that starts others, under the sanitizers, by the class that speaks to it. Linux only.
import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CommandError } from '../../agent/run.ts';
import { Starter } from '../../agent/starter.ts';
import { eventually } from '../eventually.ts';
import { buildStarter } from './shim.ts';

const LONG = 30_000;

let program: string;
beforeAll(async () => {
  program = await buildStarter(['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']);
});
afterAll(() => rm(dirname(program), { recursive: true }));

let warnings: string[];
let starter: Starter;
const starterOf = (path: string): Starter =>
  new Starter({ program: path, log: { warn: (_, message) => warnings.push(message) } });
beforeEach(() => {
  warnings = [];
  starter = starterOf(program);
  return () => starter.stop();
});

const sh = (script: string, stdin = '', deadlineMs = LONG): Promise<string> =>
  starter.start(['sh', '-c', script], stdin, deadlineMs);

const failure = async (promise: Promise<unknown>): Promise<CommandError> =>
  await promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: CommandError) => error,
  );

const alive = async (pid: string): Promise<boolean> =>
  (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z ')).split(' ')[2] !== 'Z';

describe('a program', () => {
  it('gets its words and its input, and gives its output', async () => {
    expect(await starter.start(['printf', '%s|', 'a b', '', 'ü', '*'], '', LONG)).toBe('a b||ü|*|');
    expect(await starter.start(['cat'], 'line\n\0ü\n', LONG)).toBe('line\n\0ü\n');
    expect(await starter.start(['true'], '', LONG)).toBe('');
  });

  it('may have more input and output than a pipe holds', async () => {
    const text = 'x'.repeat(5_000_000);
    expect(await starter.start(['cat'], text, LONG)).toBe(text);
    // It does not read what it is given.
    expect(await starter.start(['echo', 'done'], text, LONG)).toBe('done\n');
  });

  it('tells by its status, and by what it says, that it failed', async () => {
    const error = await failure(sh('echo out; echo why >&2; exit 3'));
    expect([error.outcome, error.stderr]).toEqual(['exit status 3', 'why']);
    expect(error.message).toBe('sh -c echo out; echo why >&2; exit 3: exit status 3: why');
    expect((await failure(sh('kill -TERM $$'))).outcome).toBe('SIGTERM');
  });

  it('that is not there is named', async () => {
    expect((await failure(starter.start(['no-such-program', 'x'], '', LONG))).outcome).toBe(
      'spawn no-such-program ENOENT',
    );
    expect((await failure(starter.start(['/etc/passwd'], '', LONG))).outcome).toBe('spawn /etc/passwd EACCES');
    expect((await failure(starter.start(['echo', 'a\0b'], '', LONG))).outcome).toBe('a NUL in its arguments');
    expect(await sh('echo on')).toBe('on\n');
  });

  it('is killed when its time is over, and what it has left running is not waited for', async () => {
    expect((await failure(sh('exec sleep 60', '', 50))).outcome).toBe('SIGKILL');
    expect((await failure(sh('sleep 60 & echo $!; wait', '', 50))).outcome).toBe('SIGKILL');
    expect(await sh('sleep 60 & true', '', 50)).toBe('');
  });

  it('of more output than any tool has is killed', async () => {
    expect((await failure(starter.start(['yes'], '', LONG))).outcome).toBe('SIGKILL');
  });

  it('has no signal blocked, none ignored but the two of the C library, and no file of another', async () => {
    const status = await starter.start(['grep', '^Sig[BI]', '/proc/self/status'], '', LONG);
    expect(status.match(/[0-9a-f]{16}/g)?.map((mask) => BigInt(`0x${mask}`) & ~(3n << 31n))).toEqual([0n, 0n]);
    const files = (): Promise<string> => starter.start(['ls', '/proc/self/fd'], '', LONG);
    const alone = await files();
    const others = [sh('cat; sleep 60'), sh('sleep 60')].map(failure);
    expect(await files()).toBe(alone);
    starter.stop();
    await Promise.all(others);
  });
});

it('many at once each have their own answer', async () => {
  const all = Array.from({ length: 200 }, (_, index) => index);
  expect(await Promise.all(all.map((index) => sh(`cat; exit ${index % 2}`, `${index}`).catch(() => -index)))).toEqual(
    all.map((index) => (index % 2 === 0 ? `${index}` : -index)),
  );
});

describe('the starter', () => {
  /** A program that runs: its process id, the starter's, and its end to come. */
  const running = async (): Promise<{ child: string; parent: string; ended: Promise<CommandError> }> => {
    const file = `${dirname(program)}/pids`;
    await rm(file, { force: true });
    const ended = failure(sh(`echo $$ $PPID > ${file}; exec sleep 60`));
    const [, child = '', parent = ''] = await eventually(
      async () => /^(\d+) (\d+)\n$/.exec(await readFile(file, 'utf8')) ?? undefined,
    );
    return { child, parent, ended };
  };

  it('killed fails what runs, and is there again for the next', async () => {
    const { child, parent, ended } = await running();
    process.kill(Number(parent), 'SIGKILL');
    expect((await ended).outcome).toBe('the starter ended (SIGKILL)');
    expect(await sh('echo again')).toBe('again\n');
    process.kill(Number(child), 'SIGKILL');
  });

  it('kills what runs when its standard input ends', async () => {
    const { child, ended } = await running();
    starter.stop();
    expect((await ended).outcome).toMatch(/^the starter ended/);
    await eventually(async () => !(await alive(child)));
    expect(await alive(child)).toBe(false);
  });

  it('that is missing is told of once, and done without', async () => {
    starter = starterOf('/nonexistent/starter');
    expect(await Promise.all([sh('echo one'), sh('echo two')])).toEqual(['one\n', 'two\n']);
    expect(await sh('cat', 'three')).toBe('three');
    expect(warnings).toEqual(['the program that starts others cannot be started: it goes without']);
  });
});
