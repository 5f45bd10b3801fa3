// What an attachment leaves on a node, wherever it may be: the measure of "nothing left".
import { readdir } from 'node:fs/promises';
import { eventually } from '../eventually.ts';
import { sh } from './node.ts';
import type { Runtime, Sandbox } from './runtime.ts';

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** Ports and interfaces of Open vSwitch, links of the node, and files of the agent, all by name. */
export async function inventory({ node }: Runtime): Promise<Readonly<Record<string, readonly string[]>>> {
  const [ports, interfaces, ofBridge, links, addresses, files] = await Promise.all([
    node.vsctl('--bare', '--columns=name', 'list', 'Port'),
    node.vsctl('--bare', '--columns=name', 'list', 'Interface'),
    node.vsctl('list-ports', 'br-int'),
    sh('ip', '-n', node.netns, '-br', 'link'),
    sh('ip', '-n', node.netns, '-br', 'address'),
    readdir(node.folder),
  ]);
  const first = (text: string): string[] => lines(text).map((line) => line.split(/[\s@]/)[0] ?? '');
  return {
    ports: lines(ports).toSorted(),
    interfaces: lines(interfaces).toSorted(),
    ofBridge: lines(ofBridge).toSorted(),
    links: first(links).toSorted(),
    addresses: lines(addresses)
      .map((line) => line.replace(/\s+/g, ' '))
      .toSorted(),
    // A file that is written under another name at this moment is not one more.
    files: files.filter((file) => !file.endsWith('.new')).toSorted(),
  };
}

/** The same once the agent's own interface has its addresses, which come a moment after the agent. */
export const settledInventory = (runtime: Runtime): ReturnType<typeof inventory> =>
  eventually(async () => {
    const found = await inventory(runtime);
    return found['addresses']?.some((line) => line.startsWith('ovn0') && line.includes('100.64.0.2')) && found;
  });

/** Whether the agent's files speak of the container; they follow a moment later. */
export async function isRecorded({ node }: Runtime, { CNI_CONTAINERID }: Sandbox): Promise<boolean> {
  const record = await node.logOf('ports.json').catch(() => '');
  return record.includes(CNI_CONTAINERID);
}

/** Links but `lo` in the namespace of a sandbox. */
export async function linksInside(runtime: Runtime, pod: Sandbox): Promise<string[]> {
  const text = await runtime.inPod(pod, '-br', 'link');
  return lines(text)
    .map((line) => line.split(/[\s@]/)[0] ?? '')
    .filter((name) => name !== 'lo');
}
