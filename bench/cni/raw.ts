// The least that attaches a pod with the same tools: the same scripts for `ip`, the same rows, and no questions. It knows
// its address beforehand, keeps nothing, undoes nothing and answers nobody.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Operation } from '../../lib/ovsdb/index.ts';
import { nicBatch, nicNames } from '../../agent/cni/nic.ts';
import type { PortSpec } from '../../agent/items.ts';
import type { CniRequest } from '../../agent/cni/request.ts';
import type { Api } from './api.ts';
import { assignmentWrites, createPod, deleteAssignment, deletePod, podManifest } from './api.ts';
import type { Contestant, Job } from './contestant.ts';
import type { Database } from './databases.ts';
import { mapOf, settled } from './databases.ts';
import type { Namespaces } from './namespaces.ts';
import { bounded, run } from './programs.ts';
import type { Setup } from './protocol.ts';

const SWITCH = 'ovn-default';
const ROUTER = 'ovn-cluster';
/** Groups as every pod of the product is in two, the second of them in a router policy. */
const GROUPS = [`bench.all.${process.pid}`, `bench.distributed.${process.pid}`] as const;

const HOST_NETNS = `/proc/${process.pid}/ns/net`;

interface Endpoint {
  readonly name: string;
  readonly container: string;
  readonly netns: string;
  readonly port: PortSpec;
  readonly lsp: string;
  ovsPort: string;
  pod: boolean;
  written: boolean;
}

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
const inTable = (uuid: string): readonly [readonly ['_uuid', '==', string]] => [['_uuid', '==', uuid]];

export class Raw implements Contestant {
  readonly #setup: Setup;
  readonly #api: Api;
  readonly #nb: Database;
  readonly #vs: Database;
  readonly #namespaces: Namespaces;
  /** As many at once as there is to gain from on few cores. */
  readonly #bounded = bounded(8);
  readonly #groups: string[] = [];
  #endpoints: Endpoint[] = [];
  #count = 0;
  #ownMs = 0;
  #adds = 0;

  constructor(setup: Setup, api: Api, databases: { nb: Database; vs: Database }, namespaces: Namespaces) {
    this.#setup = setup;
    this.#api = api;
    this.#nb = databases.nb;
    this.#vs = databases.vs;
    this.#namespaces = namespaces;
  }

  /** Milliseconds and number of attachments so far, without the wait for OVN. */
  get own(): { ms: number; adds: number } {
    return { ms: this.#ownMs, adds: this.#adds };
  }

  /** Groups, and a router policy that names one, so that a new member means as much to OVN as it does for the product. */
  async start(): Promise<void> {
    const router = this.#nb.named('Logical_Router', ROUTER).uuid;
    const ids = GROUPS.map(() => randomUUID());
    this.#groups.push(...ids);
    const policy = randomUUID();
    await this.#nb.session.transact([
      ...GROUPS.map((name, index): Operation => ({
        op: 'insert',
        table: 'Port_Group',
        uuid: ids[index] ?? '',
        row: { name },
      })),
      {
        op: 'insert',
        table: 'Logical_Router_Policy',
        uuid: policy,
        row: { priority: 100, match: `ip4.src == $${GROUPS[1]}_ip4`, action: 'allow' },
      },
      {
        op: 'mutate',
        table: 'Logical_Router',
        where: inTable(router),
        mutations: [['policies', 'insert', new Set([policy])]],
      },
    ]);
    await settled(this.#nb);
  }

  async assigned(count: number): Promise<Job[]> {
    const endpoints = await this.#newEndpoints(count);
    await this.#nb.session.transact(endpoints.flatMap((each) => this.#logicalPort(each)));
    await settled(this.#nb);
    return endpoints.map((each) => () => this.#attach(each));
  }

  async bound(count: number, writes: boolean): Promise<Job[]> {
    const endpoints = await this.#newEndpoints(count);
    return endpoints.map((each) => async () => {
      await createPod(this.#api, podManifest(this.#setup, each.name, true));
      each.pod = true;
      const { object, annotations } = assignmentWrites(this.#api, each.name);
      if (writes) await object();
      each.written = writes;
      const logical = async (): Promise<void> => {
        await this.#nb.session.transact(this.#logicalPort(each));
        if (writes) await annotations();
      };
      await Promise.all([logical(), this.#attach(each)]);
    });
  }

  async clean(): Promise<void> {
    const endpoints = this.#endpoints;
    this.#endpoints = [];
    const bridge = this.#vs.named('Bridge', 'br-int').uuid;
    const ports = new Set(endpoints.map(({ ovsPort }) => ovsPort));
    await this.#vs.session.transact([
      { op: 'mutate', table: 'Bridge', where: inTable(bridge), mutations: [['ports', 'delete', ports]] },
    ]);
    const links = endpoints.map(({ container }) => `link delete dev ${nicNames(container, 'eth0').host}`);
    await run(['ip', '-batch', '-'], text(links));
    const lsps = new Set(endpoints.map(({ lsp }) => lsp));
    await this.#nb.session.transact([this.#onSwitch('delete', lsps)]);
    await Promise.all(endpoints.filter(({ pod }) => pod).map(({ name }) => deletePod(this.#api, name)));
    await Promise.all(endpoints.filter(({ written }) => written).map(({ name }) => deleteAssignment(this.#api, name)));
    await this.#namespaces.remove(endpoints.map(({ netns }) => netns));
    await settled(this.#nb);
  }

  async #newEndpoints(count: number): Promise<Endpoint[]> {
    const netns = await this.#namespaces.make(count);
    const endpoints = netns.map((name) => this.#newEndpoint(name));
    this.#endpoints.push(...endpoints);
    return endpoints;
  }

  /** Addresses of the pods' subnet that the product has not come to. */
  #newEndpoint(netns: string): Endpoint {
    this.#count += 1;
    const [high, low] = [(this.#count >> 8) & 31, this.#count & 255];
    const byte = (value: number): string => value.toString(16).padStart(2, '0');
    const name = `raw-${this.#count}`;
    const port: PortSpec = {
      kind: 'port',
      pod: { namespace: 'default', name, uid: '' },
      provider: 'ovn',
      ifname: '',
      ifaceId: `${name}.default`,
      subnet: SWITCH,
      mac: `0a:00:00:00:${byte(high)}:${byte(low)}`,
      addresses: [`10.16.${200 + high}.${low}/16`],
      gateways: ['10.16.0.1'],
      routes: [],
      defaultRoute: true,
      mtu: 1400,
      nicType: 'veth-pair',
      nodeNetwork: '',
      wire: '',
      announced: true,
      probes: [],
    };
    const container = randomBytes(32).toString('hex');
    return { name, container, netns, port, lsp: randomUUID(), ovsPort: randomUUID(), pod: false, written: false };
  }

  #onSwitch(mutator: 'insert' | 'delete', ports: ReadonlySet<string>): Operation {
    const { uuid } = this.#nb.named('Logical_Switch', SWITCH);
    return { op: 'mutate', table: 'Logical_Switch', where: inTable(uuid), mutations: [['ports', mutator, ports]] };
  }

  #logicalPort({ lsp, port }: Endpoint): Operation[] {
    const chassis = String(mapOf(this.#vs.only('Open_vSwitch').row, 'external_ids').get('system-id'));
    const row = {
      name: port.ifaceId,
      addresses: new Set([`${port.mac} ${port.addresses[0]?.replace('/16', '') ?? ''}`]),
      options: new Map([['requested-chassis', chassis]]),
      external_ids: new Map([
        ['pod', `default/${port.pod.name}`],
        ['ls', SWITCH],
      ]),
    };
    return [
      { op: 'insert', table: 'Logical_Switch_Port', uuid: lsp, row },
      this.#onSwitch('insert', new Set([lsp])),
      ...this.#groups.map((uuid): Operation => ({
        op: 'mutate',
        table: 'Port_Group',
        where: inTable(uuid),
        mutations: [['ports', 'insert', new Set([lsp])]],
      })),
    ];
  }

  async #attach(endpoint: Endpoint): Promise<void> {
    const started = performance.now();
    const { port, container, netns } = endpoint;
    const names = nicNames(container, 'eth0');
    const request = { netns: `/var/run/netns/${netns}`, ifname: 'eth0', conf: { routes: [] } } as unknown as CniRequest;
    const start = (argv: readonly string[], stdin = ''): Promise<string> => this.#bounded(() => run(argv, stdin));
    await start(['ip', '-n', netns, '-batch', '-'], text(nicBatch(names, request, port, HOST_NETNS)));
    const inserted = this.#insert(endpoint, names.host);
    await Promise.all([
      inserted,
      start(['nsenter', `--net=/var/run/netns/${netns}`, 'ethtool', '-K', 'eth0', 'tx', 'off']),
    ]);
    this.#ownMs += performance.now() - started;
    this.#adds += 1;
    const uuid = await inserted;
    await this.#vs.until(() => mapOf(this.#vs.get('Interface', uuid), 'external_ids').get('ovn-installed') === 'true');
  }

  /** Port and interface in one transaction; the interface's uuid. */
  async #insert({ ovsPort, port }: Endpoint, name: string): Promise<string> {
    const bridge = this.#vs.named('Bridge', 'br-int').uuid;
    const uuid = randomUUID();
    const external = new Map([['iface-id', port.ifaceId]]);
    await this.#vs.session.transact([
      { op: 'insert', table: 'Interface', uuid, row: { name, external_ids: external } },
      { op: 'insert', table: 'Port', uuid: ovsPort, row: { name, interfaces: new Set([uuid]) } },
      { op: 'mutate', table: 'Bridge', where: inTable(bridge), mutations: [['ports', 'insert', new Set([ovsPort])]] },
    ]);
    return uuid;
  }
}
