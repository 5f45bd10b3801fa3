// Points within ADD and DEL at which the agent is killed. In the place of programs that it starts are stand-ins, which kill
// the agent when a file says so, and are otherwise the programs themselves.
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a stand-in does at a point: only so many lines of its batch (or nothing, or everything), then the kill. */
export type Failpoint = `pair ${number}` | 'checksum before' | 'checksum after' | 'unlink before' | 'unlink after';

/** The agent has started the starter, which starts programs. */
const KILL = 'kill -9 "$(sed -n "s/^PPid:[[:space:]]*//p" /proc/$PPID/status)"';

const ip = (file: string): string => `#!/bin/sh
point=$(cat ${file} 2>/dev/null)
case "$point:$*" in
  "pair "*":-n "*" -batch -")
    head -n "\${point#pair }" | /usr/sbin/ip "$@" || echo "the batch failed" >&2 ;;
  "unlink before:link delete "*) ;;
  "unlink after:link delete "*) /usr/sbin/ip "$@" ;;
  *) exec /usr/sbin/ip "$@" ;;
esac
rm ${file}
${KILL}
`;

const checksum = (file: string, program: string): string => `#!/bin/sh
case "$(cat ${file} 2>/dev/null)" in
  "checksum before") ;;
  "checksum after") ${program} "$@" ;;
  *) exec ${program} "$@" ;;
esac
rm ${file}
${KILL}
`;

export interface Failpoints {
  /** PATH of the agent to be killed. */
  readonly path: string;
  /** Its flags. */
  readonly flags: readonly string[];
  readonly arm: (point: Failpoint) => Promise<void>;
  readonly disarm: () => Promise<void>;
}

/** Stand-ins in `folder`; `program` is the one that switches checksum offload off. */
export async function failpoints(folder: string, program: string): Promise<Failpoints> {
  const [programs, file] = [join(folder, 'programs'), join(folder, 'failpoint')];
  await mkdir(programs);
  for (const [name, text] of Object.entries({ ip: ip(file), checksum: checksum(file, program) })) {
    await writeFile(join(programs, name), text);
    await chmod(join(programs, name), 0o755);
  }
  return {
    path: `${programs}:${process.env['PATH'] ?? ''}`,
    flags: [`--checksum-program=${join(programs, 'checksum')}`],
    arm: (point) => writeFile(file, point),
    disarm: () => rm(file, { force: true }),
  };
}
