// Objects of the API from the short form of a scenario. They go through the product's projection like those of a real
// API server. A UID is `uid-` and the object's key unless one is given; creation is `created: <seconds>`.
import { isLater } from '../../operator/api/later.ts';

type Fields = Readonly<Record<string, unknown>>;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const epoch = (seconds: unknown): string => new Date(Number(seconds ?? 0) * 1000).toISOString().replace('.000', '');

function meta(key: string, fields: Fields): Record<string, unknown> {
  const [namespace, name] = key.includes('/') ? key.split('/') : ['', key];
  return {
    name,
    ...(namespace !== '' && { namespace }),
    uid: fields['uid'] ?? `uid-${key}`,
    generation: 1,
    creationTimestamp: epoch(fields['created']),
    ...(fields['deleting'] === true && { deletionTimestamp: epoch(1) }),
    labels: fields['labels'] ?? {},
    annotations: fields['annotations'] ?? {},
    finalizers: fields['finalizers'] ?? [],
    managedFields: fields['managedFields'] ?? [],
    ...(fields['ownerReferences'] !== undefined && { ownerReferences: fields['ownerReferences'] }),
  };
}

const ofMeta = new Set(['uid', 'created', 'deleting', 'labels', 'annotations', 'finalizers', 'managedFields']);

const rest = (fields: Fields, without: readonly string[] = []): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !ofMeta.has(name) && !without.includes(name)));

const list = (value: unknown): string[] => (value === undefined ? [] : textOf(value).split(','));

const builders: Readonly<Record<string, (key: string, fields: Fields) => unknown>> = {
  Pod: (key, fields) => ({
    metadata: meta(key, fields),
    spec: {
      nodeName: fields['node'],
      hostNetwork: fields['hostNetwork'],
      containers: fields['containers'],
      initContainers: fields['initContainers'],
    },
    status: { phase: fields['phase'] ?? 'Running', containerStatuses: fields['containerStatuses'] },
  }),
  Node: (key, fields) => ({
    metadata: meta(key, fields),
    status: {
      addresses: list(fields['ip']).map((address) => ({ type: 'InternalIP', address })),
      conditions: [{ type: 'Ready', status: fields['ready'] === false ? 'False' : 'True' }],
    },
  }),
  Namespace: (key, fields) => ({ metadata: meta(key, fields) }),
  Subnet: (key, fields) => ({
    metadata: meta(key, fields),
    spec: rest(fields, ['activateGateway']),
    status: { activateGateway: fields['activateGateway'] },
  }),
  Vip: (key, fields) => ({
    metadata: meta(key, fields),
    spec: rest(fields, ['ip', 'mac']),
    status: { v4ip: split(list(fields['ip']))[0], v6ip: split(list(fields['ip']))[1], mac: fields['mac'] },
  }),
  Vpc: (key, fields) => ({ metadata: meta(key, fields), spec: rest(fields) }),
  Vlan: (key, fields) => ({ metadata: meta(key, fields), spec: rest(fields) }),
  IP: (key, fields) => ip(key, fields),
  Central: (key, fields) => ({
    metadata: meta(`kube-system/${key}`, fields),
    status: { phase: 'Running', hostIP: fields['ip'], conditions: [{ type: 'Ready', status: 'True' }] },
  }),
  Unassigned: (_, fields) => fields,
  Usage: (_, fields) => fields,
  PoolUsage: (_, fields) => fields,
  IPPool: (key, fields) => whole(key, fields),
  OvnEip: (key, fields) => ({
    metadata: meta(key, fields),
    spec: rest(fields, ['ip']),
    status: { v4Ip: split(list(fields['ip']))[0], v6Ip: split(list(fields['ip']))[1] },
  }),
  PolicyModule: (key, fields) => whole(key, fields),
  ModuleState: (_, fields) => fields,
  ModuleReport: (_, fields) => fields,
  Answer: (_, fields) => fields,
  SwitchLBRule: (key, fields) => whole(key, fields),
  RouterLBRule: (key, fields) => whole(key, fields),
  NetworkPolicy: (key, fields) => whole(key, fields),
  Service: (key, fields) => service(key, fields),
  EndpointSlice: (key, fields) => endpointSlice(key, fields),
  /** `for: a/web  node: n1` */
  ServiceL2Status: (_, fields) => {
    const [serviceNamespace, serviceName] = textOf(fields['for']).split('/');
    return { status: { serviceNamespace, serviceName, node: fields['node'] } };
  },
  SecurityGroup: (key, fields) => whole(key, fields),
  NetworkAttachmentDefinition: (key, fields) => whole(key, fields),
  DNSNameResolver: (key, fields) => ({
    ...(whole(key, { ...fields, resolvedNames: undefined }) as object),
    status: { resolvedNames: fields['resolvedNames'] },
  }),
  Deployment: (key, fields) => ({
    ...(whole(key, { ...fields, ready: undefined }) as object),
    status: { readyReplicas: fields['ready'] === true ? 1 : 0 },
  }),
  ConfigMap: (key, fields) => ({ metadata: meta(key, fields), data: rest(fields) }),
  ServiceCIDR: (key, fields) => whole(key, fields),
  Lost: (key) => ({ node: key }),
  StatefulSet: (key, fields) => whole(key, fields),
  VirtualMachine: (key, fields) => whole(key, fields),
  VirtualMachineInstance: (key, fields) => whole(key, fields),
  AdminNetworkPolicy: (key, fields) => whole(key, fields),
  BaselineAdminNetworkPolicy: (key, fields) => whole(key, fields),
  ClusterNetworkPolicy: (key, fields) => whole(key, fields),
  Cluster: (_, fields) => fields,
};

/** `for: a/web` or `for: n1` names the claimant; `owner: ''` makes it an object of a Kube-OVN that ran before. */
function ip(key: string, fields: Fields): unknown {
  const claimant = textOf(fields['for']);
  const [namespace, podName] = claimant.includes('/') ? claimant.split('/') : ['', claimant];
  const owner = fields['owner'] ?? `uid-${claimant}`;
  const [v4 = '', v6 = ''] = split(list(fields['ip']));
  return {
    metadata: {
      ...meta(key, fields),
      finalizers: fields['finalizers'] ?? ['kubeovn.io/kube-ovn-controller'],
      annotations: {
        ...(owner !== '' && { 'kubeloom.io/owner-uid': owner }),
        ...(fields['controller'] !== undefined && { 'kubeloom.io/controller-uid': fields['controller'] }),
      },
    },
    spec: {
      namespace,
      podName,
      podType: fields['podType'],
      subnet: fields['subnet'],
      nodeName: fields['node'] ?? '',
      macAddress: fields['mac'],
      v4IpAddress: v4,
      v6IpAddress: v6,
      ipAddress: list(fields['ip']).join(','),
    },
  };
}

/** `ip: 10.96.0.10,fd00:96::10  ports: [web 80, "dns 53/UDP"]  ingress: [...]`; anything else is of the spec. */
function service(key: string, fields: Fields): unknown {
  const ips = list(fields['ip']);
  return {
    metadata: meta(key, fields),
    spec: {
      selector: { app: key },
      ...rest(fields, ['ip', 'ports', 'ingress']),
      clusterIP: ips[0] ?? 'None',
      clusterIPs: ips.length > 0 ? ips : ['None'],
      ports: ports(fields['ports']),
    },
    status: { loadBalancer: { ingress: fields['ingress'] ?? [] } },
  };
}

/**
 * `for: a/web  ports: [web 8080]  endpoints: [10.16.0.2 web-1 n1, "10.16.0.3 web-2 n1 draining"]`; `-` for no pod. Behind the
 * state come hints: `node=n1 zone=z1`.
 */
function endpointSlice(key: string, fields: Fields): unknown {
  const [namespace = '', name = ''] = textOf(fields['for']).split('/');
  return {
    metadata: {
      ...meta(key, fields),
      namespace,
      labels: {
        'kubernetes.io/service-name': name,
        ...(fields['by'] !== undefined && { 'endpointslice.kubernetes.io/managed-by': fields['by'] }),
      },
    },
    addressType: fields['addressType'] ?? (texts(fields['endpoints'])[0]?.includes('::') ? 'IPv6' : 'IPv4'),
    ports: ports(fields['ports']),
    endpoints: texts(fields['endpoints']).map((text) => {
      const [address = '', pod = '-', nodeName = '-', state = 'ready', ...hints] = text.split(' ');
      const hinted = (kind: string): object[] =>
        hints.filter((hint) => hint.startsWith(kind)).map((hint) => ({ name: hint.slice(kind.length) }));
      return {
        addresses: [address],
        conditions: conditions[state],
        ...(hints.length > 0 && { hints: { forNodes: hinted('node='), forZones: hinted('zone=') } }),
        ...(nodeName !== '-' && { nodeName }),
        ...(pod !== '-' && { targetRef: { kind: 'Pod', namespace, name: pod } }),
      };
    }),
  };
}

const conditions: Readonly<Record<string, object>> = {
  ready: { ready: true, serving: true, terminating: false },
  draining: { ready: false, serving: true, terminating: true },
  unready: { ready: false, serving: false, terminating: false },
  unsaid: {},
};

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

const ports = (value: unknown): object[] =>
  texts(value).map((text) => {
    const [name, number = ''] = text.includes(' ') ? text.split(' ') : ['', text];
    const [port, protocol] = number.split('/');
    return { name, port: Number(port), ...(protocol !== undefined && { protocol }) };
  });

const split = (addresses: readonly string[]): string[] => [
  addresses.find((address) => !address.includes(':')) ?? '',
  addresses.find((address) => address.includes(':')) ?? '',
];

const whole = (key: string, fields: Fields): unknown => ({ metadata: meta(key, fields), spec: rest(fields) });

export function build(kind: string, key: string, fields: Fields): unknown {
  const builder = builders[kind] ?? (isLater(kind) ? whole : undefined);
  if (!builder) throw new Error(`unknown kind ${kind}`);
  return builder(key, fields);
}
