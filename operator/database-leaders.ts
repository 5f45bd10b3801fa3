// Which member of ovn-central leads each of the raft clusters, for the labels that the Services ovn-nb and ovn-sb select by.
// A connection to each database follows its leader and copies nothing. It never writes. Which ovn-northd is active is told by
// no database (a lock of OVSDB has an owner that only its server knows), so with several members nobody gets that label.
import { parseRemote, Session } from '../lib/ovsdb/index.ts';
import type { SessionOptions } from '../lib/ovsdb/index.ts';
import type { CentralRow } from './api/tables.ts';
import type { Leaders } from './kube/leader-labels.ts';
import type { Part } from './kube/operator.ts';

export interface DatabaseLeadersOptions extends Pick<SessionOptions, 'tls' | 'clock' | 'random' | 'dial'> {
  /** A leader was found, perhaps another one than before. */
  readonly onChange: () => void;
}

type Role = 'nb' | 'sb';

const databases: Readonly<Record<Role, string>> = { nb: 'OVN_Northbound', sb: 'OVN_Southbound' };

export class DatabaseLeaders implements Part {
  readonly name = 'database leaders';
  readonly #options: DatabaseLeadersOptions;
  readonly #sessions: Readonly<Record<Role, Session>>;
  /** Address of the member that led last; it stays while the next one is elected. */
  readonly #hosts: Partial<Record<Role, string>> = {};

  constructor(options: DatabaseLeadersOptions) {
    this.#options = options;
    this.#sessions = { nb: this.#session('nb'), sb: this.#session('sb') };
  }

  start(): void {
    for (const session of Object.values(this.#sessions)) session.start();
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#sessions).map((session) => session.stop()));
  }

  /** Where the members serve each database. A single member leads by itself and is not asked. */
  setRemotes(remotes: Readonly<Record<Role, readonly string[]>>): void {
    for (const role of ['nb', 'sb'] as const) {
      const clustered = remotes[role].length > 1;
      this.#sessions[role].setRemotes(clustered ? remotes[role] : []);
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

  #session(role: Role): Session {
    const { onChange, ...options } = this.#options;
    return new Session({
      ...options,
      remotes: [],
      database: databases[role],
      leaderOnly: true,
      observe: (state) => {
        const remote = state === 'ready' ? this.#sessions[role].remote : undefined;
        const to = remote === undefined ? undefined : parseRemote(remote);
        if (to === undefined || to.transport === 'unix' || to.host === this.#hosts[role]) return;
        this.#hosts[role] = to.host;
        onChange();
      },
    });
  }
}
