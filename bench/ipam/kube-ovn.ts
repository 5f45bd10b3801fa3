// Kube-OVN's own cases, test/unittest/ipam_bench/ipam_test.go at 9987f5517: the same subnets, numbers and order, each for
// IPv4, IPv6 and dual stack. What its Parallel cases do on several threads is done here on the one that there is.
import { randomBytes } from 'node:crypto';
import {
  addressAt,
  allocateAll,
  familiesOf,
  nameOf,
  newIpam,
  perOperation,
  rangesOf,
  releaseAll,
  stacks,
  withSubnet,
} from './bed.ts';
import type { Case, Stack } from './bed.ts';
import { formatIp } from '../../lib/net/index.ts';
import type { Ipam } from '../../operator/ipam/ipam.ts';

const COUNT = 10_000;
const PARALLEL_SUBNETS = 1_000;
const PARALLEL_PODS = 3_000;
/** Kube-OVN's `-benchtime=10x`. */
const PARALLEL_ROUNDS = 10;
const TIMELINE_PODS = 100_000;
const TIMELINE_STEP = 10_000;

const SERIAL = 1_200;
const STATIC = 2_000;

/** Of Kube-OVN 1533681d7, taken on a machine like this one (facts/performance.md 3.1): AddSubnet, AllocAddr, FreeAddr. */
const serialPeers: Readonly<Record<Stack, readonly [number, number, number]>> = {
  IPv4: [17_073, 5_877, 5_382],
  IPv6: [19_203, 8_689, 5_916],
  Dual: [29_247, 13_735, 17_108],
};
/** Random AllocAddr and FreeAddr; those of which nothing was taken are absent. */
const randomPeers: Readonly<Record<Stack, readonly [number, number?]>> = {
  IPv4: [193_492, 48_603],
  IPv6: [187_322],
  Dual: [426_237],
};
const DEL_SUBNET_PEER = 1_848;

const cidrsOf: Readonly<Record<Stack, readonly string[]>> = {
  IPv4: ['10.0.0.0/8'],
  IPv6: ['fd00::/104'],
  Dual: ['10.0.0.0/8', 'fd00::/104'],
};

const subnetNames = Array.from({ length: COUNT }, (_, at) => `subnet${at}`);

/** Texts of a /24, a /120 or both per subnet. */
const subnetsOf = (stack: Stack): Parameters<Ipam['setSubnet']>[1][] =>
  subnetNames.map((_, at) => {
    const four = `10.${at >> 8}.${at & 255}.0/24`;
    const six = `fd00::${(at >> 8).toString(16)}:${(at & 255).toString(16)}:0/120`;
    return rangesOf(stack === 'Dual' ? [four, six] : [stack === 'IPv4' ? four : six]);
  });

type Subnets = ReturnType<typeof subnetsOf>;

function addAll(ipam: Ipam, subnets: Subnets, count: number): void {
  for (let at = 0; at < count; at++) {
    const ranges = subnets[at];
    if (ranges) ipam.setSubnet(subnetNames[at] ?? '', ranges);
  }
}

function removeAll(ipam: Ipam, count: number): void {
  for (let at = 0; at < count; at++) ipam.removeSubnet(subnetNames[at] ?? '');
}

/** Distinct addresses of three random octets, as texts of each pod; made in every round, outside of what is timed. */
function randomAddresses(stack: Stack, count: number): string[][] {
  const seen = new Set<number>();
  while (seen.size < count) {
    for (const word of new Uint32Array(randomBytes(4 * count).buffer)) {
      const offset = word & 0xffffff;
      // Kube-OVN's may draw the network's address, the gateway or the broadcast address, and its round fails then.
      if (seen.size < count && offset > 1 && offset < 0xffffff) seen.add(offset);
    }
  }
  return [...seen].map((offset) => familiesOf(stack).map((family) => formatIp(addressAt(family, BigInt(offset)))));
}

const claimAll = (ipam: Ipam, addresses: readonly (readonly string[])[]): void => {
  for (let at = 0; at < addresses.length; at++) ipam.claim('s', nameOf(at), addresses[at] ?? []);
};

const serial = (stack: Stack): Case[] => {
  const [addPeer, allocatePeer, freePeer] = serialPeers[stack];
  const subnets = subnetsOf(stack);
  const added = (): Ipam => {
    const ipam = newIpam();
    addAll(ipam, subnets, COUNT);
    return ipam;
  };
  const allocated = (): Ipam => {
    const ipam = withSubnet(cidrsOf[stack]);
    allocateAll(ipam, 0, COUNT);
    return ipam;
  };
  return [
    {
      name: `Serial${stack} AddSubnet`,
      run: () => {
        const ipam = newIpam();
        return perOperation(COUNT, () => addAll(ipam, subnets, COUNT));
      },
      raw: 'create',
      goal: SERIAL,
      peer: addPeer,
    },
    {
      // Kube-OVN's case names subnets that do not exist; its figure here is of some that do.
      name: `Serial${stack} DelSubnet`,
      run: () => {
        const ipam = added();
        return perOperation(COUNT, () => removeAll(ipam, COUNT));
      },
      raw: 'create',
      goal: SERIAL,
      ...(stack === 'IPv4' && { peer: DEL_SUBNET_PEER }),
    },
    {
      name: `Serial${stack} AllocAddr`,
      run: () => {
        const ipam = withSubnet(cidrsOf[stack]);
        return perOperation(COUNT, () => allocateAll(ipam, 0, COUNT));
      },
      raw: 'allocate',
      goal: SERIAL,
      peer: allocatePeer,
    },
    {
      name: `Serial${stack} FreeAddr`,
      run: () => {
        const ipam = allocated();
        return perOperation(COUNT, () => releaseAll(ipam, 0, COUNT));
      },
      raw: 'allocate',
      goal: SERIAL,
      peer: freePeer,
    },
  ];
};

const random = (stack: Stack): Case[] => {
  const [allocatePeer, freePeer] = randomPeers[stack];
  return [
    {
      name: `Random${stack} AllocAddr`,
      run: () => {
        const ipam = withSubnet(cidrsOf[stack]);
        const addresses = randomAddresses(stack, COUNT);
        return perOperation(COUNT, () => claimAll(ipam, addresses));
      },
      raw: 'claim',
      goal: STATIC,
      peer: allocatePeer,
    },
    {
      name: `Random${stack} FreeAddr`,
      run: () => {
        const ipam = withSubnet(cidrsOf[stack]);
        claimAll(ipam, randomAddresses(stack, COUNT));
        return perOperation(COUNT, () => releaseAll(ipam, 0, COUNT));
      },
      raw: 'claim',
      goal: STATIC,
      ...(freePeer !== undefined && { peer: freePeer }),
    },
  ];
};

const parallel = (stack: Stack): Case[] => {
  const subnets = subnetsOf(stack);
  return [
    {
      name: `Parallel${stack} AddDel1000Subnet, each`,
      run: () => {
        const ipam = newIpam();
        return perOperation(2 * PARALLEL_SUBNETS * PARALLEL_ROUNDS, () => {
          for (let round = 0; round < PARALLEL_ROUNDS; round++) {
            addAll(ipam, subnets, PARALLEL_SUBNETS);
            removeAll(ipam, PARALLEL_SUBNETS);
          }
        });
      },
      raw: 'create',
      goal: SERIAL,
    },
    {
      name: `Parallel${stack} AllocFree3000Addr, each`,
      run: () => {
        const ipam = withSubnet(cidrsOf[stack]);
        const addresses = randomAddresses(stack, PARALLEL_PODS);
        return perOperation(2 * PARALLEL_PODS * PARALLEL_ROUNDS, () => {
          for (let round = 0; round < PARALLEL_ROUNDS; round++) {
            // A round's key is random with Kube-OVN: odd ones draw their addresses, even ones name them.
            if (round % 2 === 1) allocateAll(ipam, 0, PARALLEL_PODS);
            else claimAll(ipam, addresses);
            releaseAll(ipam, 0, PARALLEL_PODS);
          }
        });
      },
      raw: 'claim',
      goal: STATIC,
    },
  ];
};

export const kubeOvnCases: readonly Case[] = [
  ...stacks.flatMap(serial),
  ...stacks.flatMap(random),
  ...stacks.flatMap(parallel),
];

/** PerformanceIPAMRandomIPv4AllocAddr: named addresses given and freed, ns per operation of each 10,000 pods in turn. */
export function timeline(): { readonly allocate: readonly number[]; readonly free: readonly number[] } {
  const ipam = withSubnet(cidrsOf.IPv4);
  const addresses = randomAddresses('IPv4', TIMELINE_PODS);
  const steps = Array.from({ length: TIMELINE_PODS / TIMELINE_STEP }, (_, step) => step * TIMELINE_STEP);
  const each = (one: (at: number) => void): number[] =>
    steps.map((from) =>
      perOperation(TIMELINE_STEP, () => {
        for (let at = from; at < from + TIMELINE_STEP; at++) one(at);
      }),
    );
  return {
    allocate: each((at) => void ipam.claim('s', nameOf(at), addresses[at] ?? [])),
    free: each((at) => void ipam.release('s', nameOf(at))),
  };
}
