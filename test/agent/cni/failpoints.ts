// Points within ADD and DEL at which the agent is killed. Programs that it starts are looked up in a folder with stand-ins,
// which kill their parent when a file says so, and are otherwise the programs themselves.
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a stand-in does at a point: only so many lines of its batch (or nothing, or everything), then the kill. */
export type Failpoint = `pair ${number}` | 'checksum before' | 'checksum after' | 'unlink before' | 'unlink after';

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
kill -9 $PPID
`;

const nsenter = (file: string): string => `#!/bin/sh
case "$(cat ${file} 2>/dev/null):$*" in
  "checksum before:"*" ethtool "*) ;;
  "checksum after:"*" ethtool "*) /usr/bin/nsenter "$@" ;;
  *) exec /usr/bin/nsenter "$@" ;;
esac
rm ${file}
kill -9 $PPID
`;

export interface Failpoints {
  /** PATH of the agent to be killed. */
  readonly path: string;
  readonly arm: (point: Failpoint) => Promise<void>;
  readonly disarm: () => Promise<void>;
}

export async function failpoints(folder: string): Promise<Failpoints> {
  const [programs, file] = [join(folder, 'programs'), join(folder, 'failpoint')];
  await mkdir(programs);
  for (const [name, text] of Object.entries({ ip: ip(file), nsenter: nsenter(file) })) {
    await writeFile(join(programs, name), text);
    await chmod(join(programs, name), 0o755);
  }
  return {
    path: `${programs}:${process.env['PATH'] ?? ''}`,
    arm: (point) => writeFile(file, point),
    disarm: () => rm(file, { force: true }),
  };
}
