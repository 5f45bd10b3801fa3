// Which member of ovn-central leads each of the raft clusters, for the labels that the Services ovn-nb and ovn-sb select by.
// Light connections to all members of both follow who leads. It never writes. Which ovn-northd is active is told by
// no database (a lock of OVSDB has an owner that only its server knows), so with several members nobody gets that label.
import { Members, parseRemote } from '../lib/ovsdb/index.ts';
import type { MembersOptions } from '../lib/ovsdb/index.ts';
import type { CentralRow } from './api/tables.ts';
import type { Leaders } from './kube/leader-labels.ts';
import type { Part } from './kube/operator.ts';

export interface DatabaseLeadersOptions extends Pick<MembersOptions, 'tls' | 'clock' | 'random' | 'dial'> {
  /** A leader was found, perhaps another one than before. */
  readonly onChange: () => void;
}

type Role = 'nb' | 'sb';

const databases: Readonly<Record<Role, string>> = { nb: 'OVN_Northbound', sb: 'OVN_Southbound' };

export class DatabaseLeaders implements Part {
  readonly name = 'database leaders';
  readonly #options: DatabaseLeadersOptions;
  readonly #members: Readonly<Record<Role, Members>>;
  /** Address of the member that led last; it stays while the next one is elected. */
  readonly #hosts: Partial<Record<Role, string>> = {};

  constructor(options: DatabaseLeadersOptions) {
    this.#options = options;
    this.#members = { nb: this.#watch('nb'), sb: this.#watch('sb') };
  }

  start(): void {
    for (const members of Object.values(this.#members)) members.start();
  }

  stop(): void {
    for (const members of Object.values(this.#members)) members.stop();
  }

  /** Where the members serve each database. A single member leads by itself and is not asked. */
  setRemotes(remotes: Readonly<Record<Role, readonly string[]>>): void {
    for (const role of ['nb', 'sb'] as const) {
      const clustered = remotes[role].length > 1;
      this.#members[role].setRemotes(clustered ? remotes[role] : []);
      if (!clustered) delete this.#hosts[role];
    }
  }

  /** The leaders among these members; a role whose leader is not known or not among them is missing. */
  among(members: Iterable<CentralRow>): Leaders {
    const pods = new Map([...members].map(({ hostIp, pod }) => [hostIp, pod]));
    const leaders: Partial<Record<Role, string>> = {};
    for (const role of ['nb', 'sb'] as const) {
      const pod = pods.get(this.#hosts[role] ?? '');
      if (pod !== undefined) leaders[role] = pod;
    }
    return leaders;
  }

  #watch(role: Role): Members {
    const { onChange, ...options } = this.#options;
    const members: Members = new Members({
      ...options,
      database: databases[role],
      changed: () => {
        const to = members.leader === undefined ? undefined : parseRemote(members.leader);
        if (to === undefined || to.transport === 'unix' || to.host === this.#hosts[role]) return;
        this.#hosts[role] = to.host;
        onChange();
      },
    });
    return members;
  }
}
