// Rules of policy modules in a real ovn-northd: which packets between pods of one switch arrive, beside NetworkPolicies.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../expand.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import { enter, put, rowsOf } from './northd.ts';
import { feed, start } from './process.ts';

const numbers = { client: 2, web: 3, open: 4, mute: 5 } as const;
type Name = keyof typeof numbers;

const macOf = (name: Name): string => `02:00:00:00:00:0${numbers[name]}`;
const v4 = (name: Name): string => `10.16.0.${numbers[name]}`;

const pods = (Object.keys(numbers) as Name[]).flatMap((name) => [
  put('Pod', `a/${name}`, { node: 'n1', labels: { pod: name } }),
  put('IP', `${name}.a`, { for: `a/${name}`, subnet: 'ovn-default', ip: v4(name), mac: macOf(name) }),
]);

const module = (name: string, pod: Name): Change[] => [
  put('PolicyModule', name, { hook: 'acl', selector: { podSelector: { matchLabels: { pod } } } }),
  put('ModuleState', name, { at: 'ready', digest: 'd', inputs: [] }),
];

const cluster: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16' }),
  put('Namespace', 'a', {}),
  put('Node', 'n1', { ip: '172.18.0.2' }),
  put('IP', 'node-n1', { for: 'n1', subnet: 'join', ip: '100.64.0.2', mac: '02:00:00:00:01:01' }),
  // Nobody may reach `web`, and everybody `open`, as far as NetworkPolicy goes.
  put('NetworkPolicy', 'a/web', { podSelector: { matchLabels: { pod: 'web' } }, policyTypes: ['Ingress'] }),
  put('NetworkPolicy', 'a/open', { podSelector: { matchLabels: { pod: 'open' } }, ingress: [{}] }),
  ...module('web', 'web'),
  ...module('open', 'open'),
  ...module('mute', 'mute'),
  ...pods,
];

const client = { podSelector: { matchLabels: { pod: 'client' } } };
const answers: Readonly<Record<string, readonly object[]>> = {
  web: [
    { direction: 'ingress', action: 'allow', priority: 5, peers: [client], ports: [{ protocol: 'TCP', port: 80 }] },
    { direction: 'ingress', action: 'pass', priority: 6, ports: [{ protocol: 'TCP', port: 82, endPort: 90 }] },
    { direction: 'ingress', action: 'allow', priority: 7, ports: [{ protocol: 'TCP', port: 81, endPort: 85 }] },
  ],
  open: [
    { direction: 'ingress', action: 'drop', priority: 5, peers: [{ cidr: `${v4('client')}/32` }, client] },
    { direction: 'ingress', action: 'allow', priority: 5 },
  ],
};

/** With an answer of each module but `mute`, which has none. */
function answered(): Change[] {
  const process = start();
  feed(process, [...cluster]);
  const keys = (process.graph.dump('question') as [string, unknown][]).map(([key]) => key);
  return keys.flatMap((key) => {
    const rules = answers[key.split('/')[0] ?? ''];
    return rules ? [put('Answer', key, { namespace: 'a', rules })] : [];
  });
}

const packet = (from: Name, to: Name, port: number): string =>
  [
    `inport == "${from}.a" && eth.src == ${macOf(from)} && eth.dst == ${macOf(to)}`,
    `ip4.src == ${v4(from)} && ip4.dst == ${v4(to)} && ip.ttl == 64 && tcp.src == 40000 && tcp.dst == ${port}`,
  ].join(' && ');

// The images' OVN has tiers; in one without them NetworkPolicy and modules are judged together.
describe.each(installations().filter(({ root }) => root !== ''))('OVN $name', (installation) => {
  let ovn: OvnCentral;

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.chassis('first', 'n1');
    await enter(ovn, rowsOf([...cluster, ...answered()]));
  }, 180_000);
  afterAll(() => ovn.stop());

  it.each<[what: string, from: Name, to: Name, port: number, passes: boolean]>([
    ['allowed against NetworkPolicy', 'client', 'web', 80, true],
    ['of another peer', 'open', 'web', 80, false],
    ['allowed in a range', 'open', 'web', 81, true],
    ['passed on before it is allowed', 'open', 'web', 82, false],
    ['passed on', 'client', 'web', 90, false],
    ['asked of nobody, so NetworkPolicy is', 'client', 'web', 91, false],
    ['dropped against NetworkPolicy, and before what is allowed', 'client', 'open', 80, false],
    ['allowed', 'web', 'open', 80, true],
    ['without an answer: in', 'client', 'mute', 80, false],
    ['without an answer: out', 'mute', 'open', 80, false],
    ['of pods that no module selects', 'web', 'client', 80, true],
  ])('%s: %s to %s, port %i: %s', async (...[, from, to, port, passes]) => {
    const text = await ovn.trace('ovn-default', packet(from, to, port), 'new');
    expect(text.includes(`output("${to}.a")`)).toBe(passes);
  });

  it('leaves northd nothing to complain about', async () => {
    expect(await ovn.complaints()).toEqual([]);
  });
});
