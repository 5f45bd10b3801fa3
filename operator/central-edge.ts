// ovn-central as the operator deals with it: where its members are, with which certificates they are spoken to, and the
// labels that say which member leads.
import type { TlsTexts } from '../lib/ovsdb/index.ts';
import { nodeRef } from './api/refs.ts';
import { databaseRemotes } from './cluster-row.ts';
import { DatabaseLeaders } from './database-leaders.ts';
import { databaseTls } from './database-tls.ts';
import { DepartedChassis } from './departed-chassis.ts';
import type { KubeClient } from './kube/client.ts';
import { credentialNames, SecretCredentialStore } from './kube/credential-store.ts';
import { LeaderLabels, type Member } from './kube/leader-labels.ts';
import { NotFoundError } from './kube/errors.ts';
import type { Part } from './kube/operator.ts';
import type { Settings } from './settings.ts';
import type { WriterOptions } from './kube/writer.ts';
import type { World } from './world.ts';

/** Certificates for connections to the databases; undefined when those speak plain TCP. */
export function centralTls(
  client: KubeClient,
  namespace: string,
  settings: Settings,
): (() => Promise<TlsTexts>) | undefined {
  if (!settings.enableSsl) return undefined;
  return databaseTls(new SecretCredentialStore({ client, namespace, mayWrite: () => false, ...credentialNames }));
}

export interface CentralEdgeOptions {
  readonly writer: WriterOptions;
  readonly settings: Settings;
  readonly world: World;
  /** Addresses of the members; when empty they are those of the pods. */
  readonly hosts: readonly string[];
  readonly tls: (() => Promise<TlsTexts>) | undefined;
  /** The pods with their labels. */
  readonly members: () => Iterable<Member>;
  /** Where the northbound database is served, whenever that may have changed. */
  readonly northbound: (remotes: readonly string[]) => void;
}

/** Its turn is the leader's: only then are labels written, and leaders looked for. */
export class CentralEdge implements Part {
  readonly name = 'leader labels';
  readonly #options: CentralEdgeOptions;
  readonly #labels: LeaderLabels;
  readonly #leaders: DatabaseLeaders;
  readonly #chassis: DepartedChassis;

  constructor(options: CentralEdgeOptions) {
    this.#options = options;
    const { writer, tls, world } = options;
    this.#labels = new LeaderLabels(writer);
    this.#leaders = new DatabaseLeaders({
      random: () => writer.clock.random(),
      onChange: () => this.label(),
      ...(tls && { tls }),
    });
    this.#chassis = new DepartedChassis({
      clock: writer.clock,
      log: writer.log,
      isNode: (name) => world.node.get(name) !== undefined,
      isGone: async (name) =>
        await writer.client.get(nodeRef(name)).then(
          () => false,
          (error: unknown) => {
            if (error instanceof NotFoundError) return true;
            throw error;
          },
        ),
      ...(tls && { tls }),
    });
  }

  start(): void {
    this.#labels.start();
    this.#leaders.start();
    this.#chassis.start();
  }

  async stop(): Promise<void> {
    this.#leaders.stop();
    await Promise.all([this.#labels.stop(), this.#chassis.stop()]);
  }

  /** The members are elsewhere. While none is known the old ones stay. */
  locate(): void {
    const { hosts, world, settings } = this.#options;
    const found = hosts.length > 0 ? hosts : [...world.central.entries()].map(([, row]) => row.hostIp);
    if (found.length === 0) return;
    const remotes = databaseRemotes(found, settings);
    this.#options.northbound(remotes.nb);
    this.#leaders.setRemotes(remotes);
    this.#chassis.setRemotes(remotes.sb);
    this.label();
  }

  /** A node has come or gone. */
  nodesChanged(): void {
    this.#chassis.look();
  }

  /** The members or their labels have changed, or others lead. */
  label(): void {
    const rows = [...this.#options.world.central.entries()].map(([, row]) => row);
    this.#labels.update([...this.#options.members()], this.#leaders.among(rows));
  }
}
