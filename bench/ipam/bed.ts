// What every case of the allocator begins with: an allocator of its own, names and addresses made beforehand, the clock.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { formatIp, pooledRandom } from '../../lib/net/index.ts';
import type { Family, Ip } from '../../lib/net/index.ts';
import { Ipam } from '../../operator/ipam/ipam.ts';
import { Allocator, loadAllocator } from '../../operator/ipam/module.ts';
import { ensureBuilt, wasmPath } from '../../policies/build.ts';

export type Stack = 'IPv4' | 'IPv6' | 'Dual';
export const stacks: readonly Stack[] = ['IPv4', 'IPv6', 'Dual'];

export interface Case {
  readonly name: string;
  /** Runs once, from a fresh allocator: nanoseconds per operation. */
  readonly run: () => number;
  /** What it is compared with: as many of these calls into the module and nothing around them. */
  readonly raw: 'allocate' | 'claim' | 'create';
  /** What facts/performance.md G8 allows, ns per operation; absent where it names nothing. */
  readonly goal?: number;
  /** Kube-OVN's, ns per operation. */
  readonly peer?: number;
}

await ensureBuilt('ipam');
export const moduleBytes = readFileSync(wasmPath('ipam'));

export const newAllocator = (): Allocator => new Allocator(loadAllocator(moduleBytes));

export interface Setting {
  readonly now?: () => number;
  readonly holdDownMs?: number;
}

/** Without hold-down, which Kube-OVN does not have. */
export const newIpam = ({ now = () => 0, holdDownMs = 0 }: Setting = {}): Ipam =>
  new Ipam({ allocator: newAllocator(), now, random: pooledRandom(randomBytes), holdDownMs });

/** A subnet `s` with the first address of each range as its gateway, as Kube-OVN's cases have it. */
export function withSubnet(cidrs: readonly string[], setting?: Setting): Ipam {
  const ipam = newIpam(setting);
  ipam.setSubnet('s', rangesOf(cidrs));
  return ipam;
}

export function rangesOf(cidrs: readonly string[]): Parameters<Ipam['setSubnet']>[1] {
  const gateways = cidrs.map(gatewayOf);
  return { cidrs, exclude: gateways, gateways };
}

const gatewayOf = (cidr: string): string =>
  cidr
    .replace(/\.0\/\d+$/, '.1')
    .replace(/::\/\d+$/, '::1')
    .replace(/:0\/\d+$/, ':1');

export const POD_NAMES = 131_072;
const names = Array.from({ length: POD_NAMES }, (_, at) => `pod${at}.ns`);
export const nameOf = (at: number): string => names[at] ?? '';

const macs = Array.from(
  { length: POD_NAMES },
  (_, at) => `02:00:00:${hex(at >> 16)}:${hex((at >> 8) & 255)}:${hex(at & 255)}`,
);
export const macOf = (at: number): string => macs[at] ?? '';

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}

/** Nanoseconds per operation by the clock: processor times are counted in steps that are too long for this. */
export function perOperation(operations: number, fn: () => void): number {
  const start = process.hrtime.bigint();
  fn();
  return Number(process.hrtime.bigint() - start) / operations;
}

export const allocateAll = (ipam: Ipam, from: number, to: number): void => {
  for (let at = from; at < to; at++) ipam.allocate('s', nameOf(at));
};
export const releaseAll = (ipam: Ipam, from: number, to: number): void => {
  for (let at = from; at < to; at++) ipam.release('s', nameOf(at));
};

/** 0 to `length` - 1 in an order without pattern that is the same in every run. */
export function shuffled(length: number): number[] {
  const out = Array.from({ length }, (_, at) => at);
  let state = 1;
  for (let at = length - 1; at > 0; at--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const other = state % (at + 1);
    [out[at], out[other]] = [out[other] ?? 0, out[at] ?? 0];
  }
  return out;
}

const bases: Readonly<Record<Family, bigint>> = { 4: 10n << 24n, 6: 0xfd00n << 112n };

/** The address at this distance from 10.0.0.0 or fd00::. */
export const addressAt = (family: Family, offset: bigint): Ip => ({ family, value: bases[family] + offset });

export const familiesOf = (stack: Stack): readonly Family[] => (stack === 'Dual' ? [4, 6] : [stack === 'IPv4' ? 4 : 6]);

/** Texts of the addresses of each pod, by the distance of its address in each family. */
export const textsOf = (stack: Stack, offsets: Readonly<Record<Family, readonly bigint[]>>): string[][] =>
  offsets[4].map((_, at) => familiesOf(stack).map((family) => formatIp(addressAt(family, offsets[family][at] ?? 0n))));
