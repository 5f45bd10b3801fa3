// Items and settings that several tests begin from.
import type { Link } from '../../agent/drivers/link.ts';
import type { NodeSpec, PortSpec, SubnetSpec } from '../../agent/items.ts';
import { PLAIN_WAY_OUT } from '../../agent/items.ts';
import type { Settings } from '../../agent/settings.ts';
import type { NodeState } from '../../agent/state.ts';
import { settingsOf } from '../../agent/settings.ts';

export const settings = (flags: Readonly<Record<string, string>> = {}): Settings =>
  settingsOf(new Map(Object.entries(flags)), { NODE_NAME: 'n1', POD_IP: '192.0.2.11' });

export const port = (changes: Partial<PortSpec> = {}): PortSpec => ({
  kind: 'port',
  pod: { namespace: 'ns', name: 'p', uid: 'u' },
  provider: 'ovn',
  ifname: '',
  ifaceId: 'p.ns',
  subnet: 'ovn-default',
  mac: '00:00:00:00:00:01',
  addresses: ['10.16.0.5/16'],
  gateways: ['10.16.0.1'],
  routes: [],
  defaultRoute: true,
  mtu: 1400,
  nicType: 'veth-pair',
  nodeNetwork: '',
  wire: '',
  announced: true,
  probes: [],
  ...changes,
});

export const node = (changes: Partial<NodeSpec> = {}): NodeSpec => ({
  kind: 'node',
  name: 'n1',
  uid: 'nu',
  internalIps: ['192.0.2.11'],
  join: {
    ifaceId: 'node-n1',
    mac: '00:00:00:00:00:11',
    addresses: ['100.64.0.2/16'],
    gateways: ['100.64.0.1'],
    cidrs: ['100.64.0.0/16'],
  },
  southbound: ['tcp:192.0.2.11:6642'],
  serviceCidrs: ['10.96.0.0/12'],
  networks: [],
  ...changes,
});

export const subnet = (changes: Partial<SubnetSpec> = {}): SubnetSpec => ({
  kind: 'subnet',
  name: 'ovn-default',
  uid: 'su',
  vpc: 'ovn-cluster',
  cidrs: ['10.16.0.0/16'],
  gateways: ['10.16.0.1'],
  natOutgoing: true,
  gatewayType: 'distributed',
  mtu: 0,
  provider: 'ovn',
  routedByNodes: true,
  ...PLAIN_WAY_OUT,
  ...changes,
});

export const link = (name: string, changes: Partial<Link> = {}): Link => ({
  name,
  index: 2,
  up: true,
  carrier: true,
  mtu: 1500,
  mac: '02:00:00:00:00:01',
  txqueuelen: 1000,
  addresses: [],
  ...changes,
});

export const links = (...all: readonly Link[]): ReadonlyMap<string, Link> => new Map(all.map((one) => [one.name, one]));

export const state = (changes: Partial<NodeState> = {}): NodeState => ({
  settings: settings(),
  complete: true,
  node: { key: 'node/n1', item: node() },
  subnets: [{ key: 'subnet/ovn-default', item: subnet() }],
  peers: [
    { kind: 'peer', name: 'n1', internalIps: ['192.0.2.11'] },
    { kind: 'peer', name: 'n2', internalIps: ['192.0.2.12'] },
  ],
  links: links(link('eth0', { addresses: ['192.0.2.11/24'] }), link('ovn0', { index: 9 })),
  taken: [],
  passed: [],
  gateways: [],
  captured: undefined,
  proxySets: new Set(),
  randomFully: true,
  nicBusy: false,
  ...changes,
});
