// Two pods as network namespaces with a device each in that of the node, and what one measures between them with the
// program of traffic.c.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { run } from '../../test/cluster/exec.ts';
import type { Round } from '../compare.ts';

export interface Seat {
  readonly mac: string;
  /** With the length of its network. */
  readonly address: string;
  readonly gateway?: string;
}

export interface Pod extends Seat {
  readonly netns: string;
}

/** Device `vif${at}` in the namespace of the node, whose other end is eth0 of the pod. */
export async function plug(node: string, at: number, { netns, mac, address, gateway }: Pod): Promise<void> {
  const ip = async (space: string, ...words: string[]): Promise<void> =>
    void (await run(['ip', '-n', space, ...words]));
  const near = ['eth0', 'mtu', '1400', 'address', mac];
  await ip(netns, 'link', 'add', ...near, 'type', 'veth', 'peer', 'name', `vif${at}`, 'mtu', '1400', 'netns', node);
  // The userspace datapath passes on what a device has sent: a checksum that is left to the hardware is never made.
  await run(['ip', 'netns', 'exec', netns, 'ethtool', '-K', 'eth0', 'tx', 'off']);
  await ip(node, 'link', 'set', `vif${at}`, 'up');
  await ip(netns, 'link', 'set', 'eth0', 'up');
  await ip(netns, 'address', 'add', address, 'dev', 'eth0');
  if (gateway !== undefined) await ip(netns, 'route', 'add', 'default', 'via', gateway);
}

/** From one pod to the server in the other. */
export interface Lane {
  readonly program: string;
  readonly client: Pod;
  readonly server: Pod;
}

/** Those of one side. */
export type Lanes = readonly [Lane, Lane];

export const PORT = 9000;

/**
 * Cores of Open vSwitch and of the traffic, where there are two: the server of a lane stays where it was first put, and beside
 * Open vSwitch it is twice as slow as elsewhere, whatever the rows say.
 */
export const CORES = availableParallelism() > 1 ? ({ switch: '0', traffic: '1' } as const) : undefined;

const inside = ({ netns }: Pod): string[] => [
  ...(CORES ? ['taskset', '--cpu-list', CORES.traffic] : []),
  'nsenter',
  `--net=/run/netns/${netns}`,
];
/** An address without the length of its network. */
export const plain = (address = ''): string => address.replace(/\/.*/, '');

/** Resolves when the server listens; the process ends with ours. */
export async function serve({ program, server }: Lane): Promise<ChildProcess> {
  const argv = [...inside(server), program, 'serve', plain(server.address), String(PORT)];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  if (line !== 'listening') throw new Error(`the server said ${line}`);
  return child;
}

/** What is measured: so many bytes of a stream, exchanges of a byte, or connections. */
export type Kind = 'stream' | 'exchange' | 'connect';

/** Milliseconds as the program printed them, one number to a line. */
export function times(printed: string): Round {
  const lines = printed.split('\n').filter((line) => line !== '');
  const values = lines.map(Number);
  if (values.length === 0 || !values.every((value) => value > 0)) throw new Error(`no times: ${printed.slice(0, 80)}`);
  return values;
}

/** Passes of a packet through the datapath, from what Open vSwitch counted of all its threads. */
export function passesIn(statistics: string): number {
  const sum = (what: string): number =>
    [...statistics.matchAll(new RegExp(`${what}: (\\d+)`, 'g'))].reduce((total, [, count]) => total + Number(count), 0);
  const received = sum('packets received');
  if (received === 0) throw new Error(`no packets: ${statistics}`);
  return (received + sum('packet recirculations')) / received;
}

/** The mean of both lanes, for each time. `address`: by which the server is called, when it is not its own. */
export async function measure([one, other]: Lanes, kind: Kind, count: number, address?: string): Promise<Round> {
  const [first, second] = [await onLane(one, kind, count, address), await onLane(other, kind, count, address)];
  return first.map((time, at) => (time + (second[at] ?? Number.NaN)) / 2);
}

async function onLane({ program, client, server }: Lane, kind: Kind, count: number, address?: string): Promise<Round> {
  const argv = [...inside(client), program, kind, plain(address ?? server.address), String(PORT), String(count)];
  return times((await run(argv)).stdout);
}
