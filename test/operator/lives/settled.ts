// What is not yet, or not any more, as it must be when nothing is under way: one line for each thing.
import { eventually } from '../../eventually.ts';
import { type Cast, ipNameOf, keyOf, type Life } from './cast.ts';
import { differences, type Northbound, northbound } from './northbound.ts';
import type { Nic } from './roles.ts';
import { nodes, type Stage } from './stage.ts';
import { isInPool, poolUsage, subnetUsage } from './usage.ts';
import type { Body, Watched } from './watched.ts';

/** A new leader counts this up. */
const epoch = ['kubeloom-epoch'];

export const readNorthbound = (stage: Stage): Promise<Northbound> => northbound(stage.database, epoch);

/** Resolves when all is right and stays so for a few looks; rejects with what is not. */
export async function settled(stage: Stage, cast: Cast, before: Northbound): Promise<void> {
  let wrong: readonly string[] = [];
  let looks = 0;
  const probe = async (): Promise<boolean> => {
    wrong = [...stage.violations(), ...told(stage, cast)];
    if (wrong.length === 0) wrong = inDatabase(cast, stage, before, await readNorthbound(stage));
    looks = wrong.length === 0 ? looks + 1 : 0;
    return looks === 3;
  };
  await eventually(probe, { within: 180_000, every: 150 }).catch((cause: unknown) => {
    const lines = wrong.slice(0, 20).join('\n');
    throw new Error(`${wrong.length} things are not as they must be after ${cast.lives} lives:\n${lines}`, { cause });
  });
}

/** By the API alone. */
function told({ pods, ips, subnets, pools }: Stage, cast: Cast): string[] {
  const wrong = [...cast.living.values()].flatMap((life) => [...lacking(life, { pods, ips, pools })]);
  const wanted = new Set([
    ...nodes.map((node) => `node-${node}`),
    ...cast.kept,
    ...[...cast.living.values()].flatMap((life) => life.nics.map(({ provider }) => ipNameOf(life, provider))),
  ]);
  for (const name of ips.objects.keys()) if (!wanted.has(name)) wrong.push(`IP ${name} is left`);
  for (const name of wanted) if (!ips.objects.has(name)) wrong.push(`IP ${name} is lacking`);
  if (wrong.length === 0) wrong.push(...exchanged(cast, ips));
  return wrong.length > 0 ? wrong : miscounted({ ips, subnets, pools });
}

/** IP objects of StatefulSets' pods that are not those of their predecessors. */
function* exchanged(cast: Cast, ips: Watched): Generator<string> {
  const ofSets = cast.ofSets().flatMap((life) => life.nics.map(({ provider }) => ipNameOf(life, provider)));
  for (const name of [...cast.kept, ...ofSets]) {
    const uid = ips.objects.get(name)?.metadata.uid ?? '';
    const known = cast.known.get(name) ?? uid;
    cast.known.set(name, known);
    if (known !== uid) yield `IP ${name} was another object before`;
  }
}

function* lacking(life: Life, stage: Pick<Stage, 'pods' | 'ips' | 'pools'>): Generator<string> {
  const pod = stage.pods.objects.get(keyOf(life));
  if (pod?.metadata.uid !== life.uid) {
    yield `pod ${keyOf(life)} is not seen`;
    return;
  }
  for (const nic of life.nics) {
    const ip = stage.ips.objects.get(ipNameOf(life, nic.provider));
    const fault = ip === undefined ? 'has no IP object' : faultOf({ nic, life, pod, ip }, stage.pools.objects);
    if (fault !== undefined) yield `pod ${keyOf(life)}, ${nic.provider}: ${fault}`;
  }
}

interface Given {
  readonly life: Life;
  readonly nic: Nic;
  readonly pod: Body;
  readonly ip: Body;
}

/** What the pod was told, its IP object, and what it asked for. */
function faultOf(
  { life, nic, pod, ip: { spec, metadata } }: Given,
  pools: ReadonlyMap<string, Body>,
): string | undefined {
  const notes = pod.metadata.annotations ?? {};
  const note = (name: string): string => notes[`${nic.provider}.kubernetes.io/${name}`] ?? '';
  if (note('allocated') !== 'true') return 'is not allocated';
  const given = String(spec['ipAddress']);
  const said = { of: metadata.annotations?.['kubeloom.io/owner-uid'], subnet: spec['subnet'], node: spec['nodeName'] };
  if (said.of !== life.uid || said.subnet !== nic.subnet || said.node !== life.node)
    return `has ${JSON.stringify(said)}`;
  if (note('ip_address') !== given) return `was told ${note('ip_address')} and has ${given}`;
  if (!nic.isForeign && note('mac_address') !== spec['macAddress']) return `was told another MAC than it has`;
  return unwished(nic, given, String(spec['macAddress']), pools);
}

function unwished(nic: Nic, given: string, mac: string, pools: ReadonlyMap<string, Body>): string | undefined {
  const addresses = given.split(',');
  if (addresses.length !== nic.families) return `has ${given}`;
  if (nic.among && !nic.among.includes(given)) return `asked for ${nic.among.join(' or ')} and has ${given}`;
  if (nic.mac !== undefined && mac !== nic.mac) return `asked for ${nic.mac} and has ${mac}`;
  const pool = nic.pool === undefined ? undefined : pools.get(nic.pool);
  return pool && !isInPool(pool, addresses) ? `has ${given}, which is not of IPPool ${nic.pool}` : undefined;
}

function* counts({ ips, subnets, pools }: Pick<Stage, 'ips' | 'subnets' | 'pools'>): Generator<[string, Body, object]> {
  const all = [...ips.objects.values()];
  for (const [name, subnet] of subnets.objects) yield [`subnet ${name}`, subnet, subnetUsage(subnet, all)];
  for (const [name, pool] of pools.objects) {
    const subnet = subnets.objects.get(String(pool.spec['subnet']));
    if (subnet) yield [`ippool ${name}`, pool, poolUsage(pool, subnet, all)];
  }
}

/** Statuses that do not say what the IP objects come to. */
function miscounted(stage: Pick<Stage, 'ips' | 'subnets' | 'pools'>): string[] {
  return [...counts(stage)].flatMap(([what, { status = {} }, fields]) =>
    Object.entries(fields)
      .filter(([field, value]) => status[field] !== value)
      .map(([field, value]) => `${what}: ${field} is ${String(status[field])} and must be ${String(value)}`),
  );
}

function inDatabase(cast: Cast, { ips }: Stage, before: Northbound, now: Northbound): string[] {
  const wrong = differences(before, now);
  const wanted = new Set<string>();
  for (const life of cast.living.values()) {
    for (const nic of life.nics) {
      if (nic.isForeign) continue;
      const name = ipNameOf(life, nic.provider);
      wanted.add(name);
      const spec = ips.objects.get(name)?.spec ?? {};
      const port = {
        name,
        addresses: [spec['macAddress'], ...String(spec['ipAddress']).split(',')].join(' '),
        groups: [`distributed.${life.node}`, `node.${life.node}`],
        dhcpRows: nic.dhcpRows ?? 0,
      };
      const found = now.ports.get(name);
      if (JSON.stringify(found) !== JSON.stringify(port))
        wrong.push(`port ${JSON.stringify(found)} must be ${JSON.stringify(port)}`);
    }
  }
  for (const name of now.ports.keys()) if (!wanted.has(name)) wrong.push(`port ${name} is left`);
  return wrong;
}
