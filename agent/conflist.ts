// The network configuration that makes kubelet call the node Ready. It is written last, when pods can be served, and
// never removed: an agent that restarts must not make its node unready.
import { readFile } from 'node:fs/promises';
import { writeAtomically } from './files.ts';

/** What `01-kube-ovn.conflist` holds. */
export function conflist(socket: string): string {
  const configuration = {
    name: 'kube-ovn',
    cniVersion: '0.3.1',
    plugins: [
      { type: 'kube-ovn', server_socket: socket },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(configuration, null, 2)}\n`;
}

/** Puts it in place, unless it is there. */
export async function writeConflist(path: string, socket: string): Promise<boolean> {
  const text = conflist(socket);
  const present = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (present === text) return false;
  await writeAtomically(path, text, 0o644);
  return true;
}
