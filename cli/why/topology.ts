// Logical switches, their ports and the routers between them, as the rows say.
import { parseIp, parseMac, parsePrefix, cidrOf, containsIp, type Ip, type Prefix } from '../../lib/net/index.ts';
import type { Row } from '../../lib/ovsdb/index.ts';
import { elements, entries, text, type Nb } from './rows.ts';

export interface Port {
  readonly uuid: string;
  readonly name: string;
  /** UUID of its logical switch. */
  readonly switch: string;
  readonly kind: 'plain' | 'router' | 'localnet';
  readonly mac: bigint;
  readonly addresses: readonly Ip[];
  readonly enabled: boolean;
  /** The router port that it is joined with. */
  readonly peer: string;
  /** Families whose DHCP requests are answered at the port. */
  readonly dhcp: readonly (4 | 6)[];
  readonly owner: string;
  /** Where it is, '' when that is not known: the first of those where it may be. */
  readonly chassis: string;
}

export interface RouterPort {
  readonly name: string;
  /** UUID of its router. */
  readonly router: string;
  readonly mac: bigint;
  readonly networks: readonly Prefix[];
}

export class Topology {
  readonly switchName = new Map<string, string>();
  readonly ports = new Map<string, Port>();
  readonly portsByUuid = new Map<string, Port>();
  readonly portsOf = new Map<string, Port[]>();
  readonly #byAddress = new Map<string, Port[]>();
  readonly #routerPorts = new Map<string, RouterPort>();
  readonly #routerPortsOf = new Map<string, RouterPort[]>();
  /** By the name of the router port. */
  readonly #attachments = new Map<string, Port>();

  constructor(nb: Nb) {
    for (const [uuid, row] of nb.rows('Logical_Router')) this.#addRouter(nb, uuid, row);
    for (const [uuid, row] of nb.rows('Logical_Switch')) this.#addSwitch(nb, uuid, row);
  }

  /** Ports with this address, whatever their network. */
  holders(ip: Ip): readonly Port[] {
    return this.#byAddress.get(key(ip)) ?? [];
  }

  holderOn(switchId: string, ip: Ip): Port | undefined {
    return this.holders(ip).find((port) => port.switch === switchId);
  }

  /** The router port behind a switch's port. */
  routerPort(port: Port): RouterPort | undefined {
    return port.kind === 'router' ? this.#routerPorts.get(port.peer) : undefined;
  }

  /** Where a router delivers an address of a network that it is connected to. */
  delivery(router: string, ip: Ip): { readonly through: Port; readonly to: Port | undefined } | undefined {
    for (const port of this.#routerPortsOf.get(router) ?? []) {
      const attachment = this.#attachments.get(port.name);
      if (attachment !== undefined && port.networks.some((network) => containsIp(cidrOf(network), ip)))
        return { through: attachment, to: this.holderOn(attachment.switch, ip) };
    }
    return undefined;
  }

  /** The port by which packets from elsewhere come to a switch, and leave it. */
  gateway(switchId: string, local: Ip | undefined): Port | undefined {
    const ports = this.portsOf.get(switchId) ?? [];
    const routers = ports.filter(({ kind }) => kind === 'router');
    const near = routers.find((port) =>
      this.routerPort(port)?.networks.some((network) => local !== undefined && containsIp(cidrOf(network), local)),
    );
    return near ?? routers[0] ?? ports.find(({ kind }) => kind === 'localnet');
  }

  #addRouter(nb: Nb, router: string, row: Row): void {
    const ports: RouterPort[] = [];
    for (const uuid of elements(row, 'ports')) {
      const port = nb.row('Logical_Router_Port', uuid);
      if (port === undefined) continue;
      const networks = elements(port, 'networks').map(parsePrefix);
      ports.push({
        name: text(port, 'name'),
        router,
        mac: macOf(text(port, 'mac')),
        networks: networks.filter((network) => network !== undefined),
      });
    }
    for (const port of ports) this.#routerPorts.set(port.name, port);
    this.#routerPortsOf.set(router, ports);
  }

  #addSwitch(nb: Nb, switchId: string, row: Row): void {
    this.switchName.set(switchId, text(row, 'name'));
    const ports: Port[] = [];
    for (const uuid of elements(row, 'ports')) {
      const port = nb.row('Logical_Switch_Port', uuid);
      if (port !== undefined) ports.push(this.#portOf(uuid, switchId, port));
    }
    for (const port of ports) this.#addPort(port);
    this.portsOf.set(switchId, ports);
  }

  #portOf(uuid: string, switchId: string, row: Row): Port {
    const words = addressesOf(row);
    const peer = entries(row, 'options').get('router-port') ?? '';
    return {
      uuid,
      name: text(row, 'name'),
      switch: switchId,
      kind: kindOf(text(row, 'type')),
      mac: this.#routerPorts.get(peer)?.mac ?? macOf(words[0] ?? ''),
      addresses: words.map(parseIp).filter((ip) => ip !== undefined),
      enabled: text(row, 'enabled') !== 'false',
      peer,
      dhcp: ([4, 6] as const).filter((family) => elements(row, `dhcpv${family}_options`).length > 0),
      owner: entries(row, 'external_ids').get('kubeloom-owner') ?? '',
      chassis: entries(row, 'options').get('requested-chassis')?.split(',')[0] ?? '',
    };
  }

  #addPort(port: Port): void {
    this.ports.set(port.name, port);
    this.portsByUuid.set(port.uuid, port);
    if (port.kind === 'router') this.#attachments.set(port.peer, port);
    for (const ip of port.addresses) {
      const holders = this.#byAddress.get(key(ip)) ?? [];
      this.#byAddress.set(key(ip), [...holders, port]);
    }
  }
}

const key = ({ family, value }: Ip): string => `${family}/${value}`;

const macOf = (mac: string): bigint => BigInt(parseMac(mac) ?? 0);

function kindOf(type: string): Port['kind'] {
  return type === 'router' || type === 'localnet' ? type : 'plain';
}

/** The words of `addresses`, with what OVN allocated in place of `dynamic`. */
function addressesOf(row: Row): string[] {
  const words = elements(row, 'addresses').flatMap((address) => address.split(' '));
  return words.includes('dynamic') ? [...text(row, 'dynamic_addresses').split(' '), ...words] : words;
}
