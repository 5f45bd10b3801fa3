// What Open vSwitch alone knows, once more on the node's disk: the ports of pods, and the addresses that the tunnel bridge took
// from its interface. When the database is lost, a new one is filled from here while the pods' namespaces and links live, so
// that nobody has to make the pods anew. The root row of a database has an id of its own: by that a new one is known.
//
//   another database --restore--> all that live are in it --> the record is of this one, and follows it
import { readFile } from 'node:fs/promises';
import type { Row } from '../lib/ovsdb/types.ts';
import { TAKEN, TUNNEL_BRIDGE } from './desired.ts';
import { parseIpJson } from './drivers/batch.ts';
import { INTEGRATION_BRIDGE, insertPort, portRows } from './drivers/ovs-port.ts';
import type { RowIds, Transactor } from './drivers/ovs-port.ts';
import type { OvsReplica } from './drivers/ovs-replica.ts';
import { CONTAINER, IFNAME, mapOf, setOf } from './drivers/ovs-replica.ts';
import { writeAtomically } from './files.ts';
import type { Run } from './run.ts';

/** Of this file's shape; another one is not read. */
const FORMAT = 1;
const RETRY_MS = 1000;

interface KeptPort {
  readonly name: string;
  readonly type: string;
  readonly externalIds: readonly (readonly [string, string])[];
}

interface KeptTunnel {
  readonly nic: string;
  readonly addresses: readonly string[];
}

export interface PortRecordOptions {
  readonly path: string;
  readonly replica: OvsReplica;
  readonly ovs: Transactor;
  readonly ids: RowIds;
  readonly run: Run;
  readonly exists: (path: string) => Promise<boolean>;
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/** What ovn-controller says of a port, and will say again. */
const isTold = (key: string): boolean => key.startsWith('ovn-installed');

interface Kept {
  /** Id of the root row of the database that the record is of; '' of none. */
  readonly database: string;
  readonly ports: readonly KeptPort[];
  readonly tunnel?: KeptTunnel;
}

const textOf = (row: Row | undefined, column: string): string => {
  const value = row?.[column];
  return typeof value === 'string' ? value : '';
};

function keptOf(row: Row): KeptPort[] {
  const ids = mapOf(row, 'external_ids');
  if (!ids.has(CONTAINER)) return [];
  const externalIds = [...ids].filter(([key]) => !isTold(key));
  return [{ name: textOf(row, 'name'), type: textOf(row, 'type'), externalIds }];
}

export class PortRecord {
  readonly #options: PortRecordOptions;
  #database = '';
  #ports: readonly KeptPort[] = [];
  #tunnel: KeptTunnel | undefined;
  #written = '';
  #busy: Promise<void> | undefined;
  #stale = false;
  #stopped = false;

  constructor(options: PortRecordOptions) {
    this.#options = options;
  }

  /** Reads the record and follows the database from now on. */
  async start(): Promise<void> {
    const text = await readFile(this.#options.path, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
    this.#take(text);
    this.#options.replica.onChange(() => this.#look());
    this.#look();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#busy;
  }

  #take(text: string): void {
    try {
      const kept = JSON.parse(text) as Kept & { format?: unknown };
      if (kept.format !== FORMAT) return;
      this.#database = kept.database;
      this.#ports = kept.ports;
      this.#tunnel = kept.tunnel;
      this.#written = text;
    } catch {
      // A text that was not written by this version counts as none.
    }
  }

  #look(): void {
    this.#stale = true;
    if (this.#stopped) return;
    this.#busy ??= this.#catchUp();
  }

  async #catchUp(): Promise<void> {
    const { log, path, setTimeout } = this.#options;
    try {
      while (this.#stale && !this.#stopped) {
        this.#stale = false;
        await this.#turn();
      }
    } catch (error) {
      log.warn(
        { path, error: String(error) },
        'the ports of pods are not kept in step with their record; trying again',
      );
      setTimeout(() => this.#look(), RETRY_MS);
    } finally {
      // At once, not when the promise has settled: whoever looks in between would wait for nobody.
      this.#busy = undefined;
    }
  }

  async #turn(): Promise<void> {
    const { replica, path } = this.#options;
    const root = replica.root()?.uuid;
    if (!replica.connected || root === undefined) return;
    if (root !== this.#database && !(await this.#restore())) return;
    this.#database = root;
    this.#ports = [...replica.interfaces()].flatMap(([, row]) => keptOf(row));
    this.#tunnel = this.#tunnelNow();
    const kept: Kept = { database: root, ports: this.#ports, ...(this.#tunnel && { tunnel: this.#tunnel }) };
    const text = JSON.stringify({ format: FORMAT, ...kept });
    if (text === this.#written) return;
    await writeAtomically(path, text, 0o600);
    this.#written = text;
  }

  /** False as long as there is no bridge to put the ports into. */
  async #restore(): Promise<boolean> {
    const { replica, ovs, ids, log } = this.#options;
    // Of a first start, and of a node without pods, nothing is to be put back.
    await this.#restoreTunnel();
    if (this.#ports.length === 0) return true;
    const bridge = replica.byName('Bridge', INTEGRATION_BRIDGE);
    if (bridge === undefined) return false;
    const lost = await this.#living();
    for (const { name, type, externalIds } of lost) {
      const pairs = new Map(externalIds);
      const rows = portRows({ name, type, externalIds: pairs }, `${pairs.get(CONTAINER)}/${pairs.get(IFNAME)}`, ids);
      await ovs.transact(insertPort(bridge, rows, []));
    }
    if (lost.length > 0)
      log.warn(
        { ports: lost.length, of: this.#ports.length },
        "Open vSwitch's database is another one: ports of pods put back",
      );
    return true;
  }

  /** What the bridge has taken, and from which interface. */
  #tunnelNow(): KeptTunnel | undefined {
    const { replica } = this.#options;
    const bridge = replica.byName('Bridge', TUNNEL_BRIDGE)?.row;
    const addresses = (mapOf(bridge, 'external_ids').get(TAKEN) ?? '').split(' ').filter((address) => address !== '');
    const ports = [...setOf(bridge, 'ports')].map((port) => textOf(replica.get('Port', String(port)), 'name'));
    const nic = ports.find((name) => name !== TUNNEL_BRIDGE);
    return nic === undefined || addresses.length === 0 ? undefined : { nic, addresses };
  }

  /** The bridge is gone, and the addresses with it: the interface has them as after a boot, and they are taken again. */
  async #restoreTunnel(): Promise<void> {
    const { replica, run } = this.#options;
    if (this.#tunnel === undefined || replica.byName('Bridge', TUNNEL_BRIDGE) !== undefined) return;
    const { nic, addresses } = this.#tunnel;
    for (const address of addresses)
      await run(['ip', 'address', 'replace', address, 'dev', nic, ...(address.includes(':') ? ['nodad'] : [])]);
    this.#tunnel = undefined;
  }

  /** Ports that the database does not have, of pods whose namespace and link are there. */
  async #living(): Promise<readonly KeptPort[]> {
    const { replica, run, exists } = this.#options;
    const links = new Set(parseIpJson(await run(['ip', '-j', 'link', 'show'])).map((link) => String(link['ifname'])));
    const alive = await Promise.all(
      this.#ports.map(async ({ name, externalIds }) => {
        const netns = new Map(externalIds).get('pod_netns') ?? '';
        return links.has(name) && replica.byName('Interface', name) === undefined && (await exists(netns));
      }),
    );
    return this.#ports.filter((_, at) => alive[at]);
  }
}
