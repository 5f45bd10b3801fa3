// Who leads, by the members' own rows of `_Server`, read by Debian's ovsdb-client and not by the product.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { eventually } from '../../../eventually.ts';
import { defaultPrograms } from '../../../ovsdb-server.ts';
import type { OvsdbCluster, OvsdbServer } from '../../../ovsdb-server.ts';

/** A member has said that it leads; `at` by performance.now(). */
export interface Claim {
  readonly member: OvsdbServer;
  readonly at: number;
}

export class Witness {
  readonly claims: Claim[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #database: string;
  #closed = false;

  constructor(cluster: OvsdbCluster) {
    this.#database = cluster.members[0]?.database ?? '';
    for (const member of cluster.members) this.#listen(member);
  }

  /** The first claim at or after `since`, of another member than `except`. */
  async claim(since: number, except?: OvsdbServer): Promise<Claim> {
    return await eventually(() => this.claims.find(({ member, at }) => at >= since && member !== except), {
      within: 30_000,
      what: 'a member to lead',
    });
  }

  close(): void {
    this.#closed = true;
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #listen(member: OvsdbServer): void {
    const [program, ...before] = defaultPrograms.client;
    const argv = [...before, '-voff', '--format=json', 'monitor', member.remote, '_Server', 'Database', 'name,leader'];
    const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#children.add(child);
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(member, line));
    child.on('close', () => {
      this.#children.delete(child);
      // The member was ended: it may be started again.
      if (!this.#closed) setTimeout(() => this.#closed || this.#listen(member), 50);
    });
  }

  #read(member: OvsdbServer, line: string): void {
    const at = performance.now();
    const { data, headings } = JSON.parse(line) as { data: unknown[][]; headings: string[] };
    const cell = (row: readonly unknown[], name: string): unknown => row[headings.indexOf(name)];
    const leads = data.some(
      (row) => cell(row, 'name') === this.#database && cell(row, 'leader') === true && cell(row, 'action') !== 'old',
    );
    if (leads) this.claims.push({ member, at });
  }
}
