// The program that tells of changes to iptables and ipsets, against the kernel.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { newNetns, sh } from './node.ts';
import { buildNetfilterWatch } from './shim.ts';

let program: string;
let netns: string;
const children: ChildProcess[] = [];
beforeAll(async () => {
  program = await buildNetfilterWatch(['-g', '-O1', '-fsanitize=address,undefined']);
  netns = await newNetns();
  await inside('ipset', 'create', 'ovn40subnets', 'hash:net');
  await inside('ipset', 'create', 'KUBE-CLUSTER-IP', 'hash:ip');
});
afterAll(async () => {
  for (const child of children) child.kill();
  await sh('ip', 'netns', 'delete', netns);
  await rm(dirname(program), { recursive: true });
});

const inside = (...argv: readonly string[]): Promise<string> => sh('nsenter', `--net=/run/netns/${netns}`, ...argv);

/** Starts it; `heard` gives the lines since it was last asked. */
async function watching(...args: readonly string[]): Promise<{ child: ChildProcess; heard: () => string[] }> {
  const child = spawn('nsenter', [`--net=/run/netns/${netns}`, program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const heard = (): string[] => lines.splice(0);
  await eventually(() => lines.length >= 2, { what: 'it to begin' });
  expect(heard()).toEqual(['iptables', 'ipset']);
  return { child, heard };
}

/** Lines up to one of this kind: what comes before it in vain would be among them. */
async function until(heard: () => string[], kind: string): Promise<string[]> {
  const lines: string[] = [];
  await eventually(() => lines.push(...heard()) > 0 && lines.includes(kind), { what: kind, within: 5000 });
  return lines;
}

it('tells of our sets and chains, and not of those of others', async () => {
  const { heard } = await watching();
  await inside('ipset', 'add', 'KUBE-CLUSTER-IP', '10.96.0.1');
  await inside('iptables-nft', '-t', 'nat', '-N', 'KUBE-SERVICES');
  await inside('iptables-nft', '-t', 'nat', '-A', 'KUBE-SERVICES', '-j', 'RETURN');
  heard();
  await inside('iptables-nft', '-t', 'nat', '-A', 'KUBE-SERVICES', '-j', 'ACCEPT');
  await inside('ipset', 'add', 'ovn40subnets', '10.16.0.0/16');
  expect(await until(heard, 'ipset')).toEqual(['ipset']);
  for (const change of [
    '-N OVN-MASQUERADE',
    '-A OVN-MASQUERADE -j RETURN',
    '-F OVN-MASQUERADE',
    '-A POSTROUTING -j RETURN',
  ]) {
    await inside('iptables-nft', '-t', 'nat', ...change.split(' '));
    expect(new Set(await until(heard, 'iptables'))).toEqual(new Set(['iptables']));
  }
  await inside('nft', 'flush', 'ruleset');
  expect(new Set(await until(heard, 'iptables'))).toEqual(new Set(['iptables']));
});

it('sees the tables of iptables-legacy when it is asked to', async () => {
  await inside('iptables-legacy', '-t', 'nat', '-N', 'OVN-MASQUERADE');
  const { heard } = await watching('legacy');
  await inside('iptables-legacy', '-t', 'nat', '-A', 'OVN-MASQUERADE', '-j', 'RETURN');
  expect(await until(heard, 'iptables')).toEqual(['iptables']);
});

it('ends with whoever reads it', async () => {
  const { child } = await watching();
  const exit = once(child, 'exit');
  child.stdin?.end();
  expect((await exit)[0]).toBe(0);
});
