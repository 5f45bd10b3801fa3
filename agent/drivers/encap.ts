// The tunnel address of pods whose subnet has a network of nodes of its own: `encap-ip` in the external_ids of their
// interfaces (ovn-controller(8)). ADD writes it with the port; this follows what changes afterwards.
//
// Keys: `iface-id` of ports that the plan knows and that are there; texts: the address, '' for the node's default one.
import type { Operation } from '../../lib/ovsdb/types.ts';
import type { PortSpec } from '../items.ts';
import type { Driver, Have, Pending, Want, Wanted } from './driver.ts';
import type { Transactor } from './ovs-port.ts';
import { CONTAINER, mapOf } from './ovs-replica.ts';
import type { Found, OvsReplica } from './ovs-replica.ts';

export const ENCAP_IP = 'encap-ip';

/** Address of a network on this node, '' for the default one; undefined when the node has none of that name. */
export function tunnelAddress(
  { nodeNetwork }: Pick<PortSpec, 'nodeNetwork'>,
  networks: readonly { readonly name: string; readonly address: string }[],
): string | undefined {
  // Plans that were kept by an agent before this one have no such field.
  if (!nodeNetwork) return '';
  return networks.find(({ name }) => name === nodeNetwork)?.address;
}

const interfacesOf = (replica: OvsReplica, ifaceId: string): Found[] =>
  replica.ofIfaceId(ifaceId).filter(({ row }) => mapOf(row, 'external_ids').has(CONTAINER));

/** A port whose network the node no longer has stays as it is: its pod would lose its connections. */
export function encapWant(
  ports: readonly { readonly key: string; readonly item: PortSpec }[],
  networks: readonly { readonly name: string; readonly address: string }[],
  replica: OvsReplica,
): Want {
  const want = new Map<string, Wanted>();
  for (const { key, item } of ports) {
    const text = tunnelAddress(item, networks);
    if (text !== undefined && interfacesOf(replica, item.ifaceId).length > 0)
      want.set(item.ifaceId, { text, from: key });
  }
  return want;
}

export class EncapDriver implements Driver {
  readonly name = 'encap';
  readonly #ovs: Transactor;
  readonly #replica: OvsReplica;

  constructor(ovs: Transactor, replica: OvsReplica) {
    this.#ovs = ovs;
    this.#replica = replica;
  }

  async read(want: Want): Promise<Have> {
    if (!this.#replica.connected) throw new Error("Open vSwitch's database is not connected");
    const have = new Map<string, string>();
    for (const [ifaceId, { text }] of want) {
      const found = interfacesOf(this.#replica, ifaceId).map(
        ({ row }) => mapOf(row, 'external_ids').get(ENCAP_IP) ?? '',
      );
      const other = found.find((address) => address !== text);
      if (found.length > 0) have.set(ifaceId, other ?? text);
    }
    return await Promise.resolve(have);
  }

  async apply({ put }: Pending): Promise<void> {
    const operations = [...put].flatMap(([ifaceId, text]) =>
      interfacesOf(this.#replica, ifaceId).map(({ uuid }) => change(uuid, text)),
    );
    if (operations.length > 0) await this.#ovs.transact(operations);
  }
}

/** The rest of the map is others', ovn-installed for one. */
function change(uuid: string, text: string): Operation {
  const insert = [['external_ids', 'insert', new Map([[ENCAP_IP, text]])] as const];
  return {
    op: 'mutate',
    table: 'Interface',
    where: [['_uuid', '==', uuid]],
    mutations: [['external_ids', 'delete', new Set([ENCAP_IP])], ...(text === '' ? [] : insert)],
  };
}
