// A plan on the disk for tests of the agent as a process: items as `plan.json` keeps them.

/** A pod of the default network in namespace `default`. */
export const port = (name: string, ip: string, uid = `uid-${name}`): object => ({
  kind: 'port',
  pod: { namespace: 'default', name, uid },
  provider: 'ovn',
  ifaceId: `${name}.default`,
  subnet: 'ovn-default',
  mac: `00:00:00:00:01:${ip.split('.')[3]?.padStart(2, '0')}`,
  addresses: [`${ip}/16`],
  gateways: ['10.16.0.1'],
  routes: [],
  defaultRoute: true,
  mtu: 0,
  nicType: 'veth-pair',
  announced: true,
});

/** The node `n1`, a peer, and the default subnet. */
export const topology = {
  'node/n1': {
    kind: 'node',
    name: 'n1',
    uid: 'u',
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
  },
  'peer/n2': { kind: 'peer', name: 'n2', internalIps: ['192.0.2.12'] },
  'subnet/ovn-default': {
    kind: 'subnet',
    name: 'ovn-default',
    uid: 's',
    vpc: 'ovn-cluster',
    cidrs: ['10.16.0.0/16'],
    gateways: ['10.16.0.1'],
    natOutgoing: true,
    gatewayType: 'distributed',
    mtu: 0,
    provider: 'ovn',
    routedByNodes: true,
  },
};

/** CNI_ARGS as a kubelet's runtime has them. */
export const args = (name: string, uid = `uid-${name}`): string =>
  `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name};K8S_POD_UID=${uid}`;

/** Pods `a` to `e`, and some that are special. */
export const samplePlan: Readonly<Record<string, object>> = {
  ...topology,
  ...Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e'].map((name, at) => [`port/default/${name}/ovn`, port(name, `10.16.0.${20 + at}`)]),
  ),
  'port/default/dual/ovn': {
    ...port('dual', '10.16.0.31'),
    addresses: ['10.16.0.31/16', 'fd00::31/64'],
    gateways: ['10.16.0.1', 'fd00::1'],
  },
  'port/default/six/ovn': { ...port('six', '10.16.0.33'), addresses: ['fd00::33/64'], gateways: ['fd00::1'] },
  'port/default/sriov/ovn': { ...port('sriov', '10.16.0.32'), nicType: 'offload-port' },
  // For another plugin's interface, and for a second one of ours.
  'port/default/dual/lan.default': {
    ...port('dual', '192.0.2.7'),
    provider: 'lan.default',
    ifaceId: 'dual.lan',
    mac: '',
    defaultRoute: false,
  },
  'port/default/a/blue.default.ovn': { ...port('a', '10.16.0.40'), provider: 'blue.default.ovn', ifaceId: 'a.blue' },
};
