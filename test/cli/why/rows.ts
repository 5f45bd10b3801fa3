// Northbound rows for tests of `why`, written down in short: as facts, which both the evaluation and a real database take.
import type { Owner, RowFact, RowId, Value } from '../../../lib/delta/fact.ts';

export interface AclText {
  readonly direction: 'from-lport' | 'to-lport';
  readonly match: string;
  readonly action: string;
  readonly priority: number;
  readonly tier?: number;
  readonly afterLb?: boolean;
  readonly name?: string;
  readonly owner?: string;
}

type Holder = { readonly table: 'Logical_Switch' | 'Port_Group'; readonly id: RowId };

export class Rows {
  readonly facts: RowFact[] = [];
  readonly #ids = new Map<string, RowId>();

  switch(name: string): void {
    this.#add('Logical_Switch', name, { name });
  }

  /** `addresses` as in the column: `MAC IP...`. */
  port(on: string, name: string, addresses: string, columns: Readonly<Record<string, Value>> = {}): void {
    this.#add(
      'Logical_Switch_Port',
      name,
      { name, addresses: new Set([addresses]), ...columns },
      { row: 'Logical_Switch', id: this.id('Logical_Switch', on), column: 'ports' },
    );
  }

  router(name: string): void {
    this.#add('Logical_Router', name, { name });
  }

  /** Joins a switch with a router, by ports `ROUTER-SWITCH` and `SWITCH-ROUTER`. */
  attach(router: string, on: string, mac: string, networks: readonly string[]): void {
    const name = `${router}-${on}`;
    this.#add(
      'Logical_Router_Port',
      name,
      { name, mac, networks: new Set(networks) },
      { row: 'Logical_Router', id: this.id('Logical_Router', router), column: 'ports' },
    );
    this.port(on, `${on}-${router}`, 'router', { type: 'router', options: new Map([['router-port', name]]) });
  }

  group(name: string, ports: readonly string[]): void {
    const members = ports.map((port) => this.id('Logical_Switch_Port', port));
    this.#add('Port_Group', name, { name, ports: new Set(members) });
  }

  set(name: string, addresses: readonly string[]): void {
    this.#add('Address_Set', name, { name, addresses: new Set(addresses) });
  }

  aclOnSwitch(on: string, acl: AclText): void {
    this.#acl({ table: 'Logical_Switch', id: this.id('Logical_Switch', on) }, acl);
  }

  aclOnGroup(group: string, acl: AclText): void {
    this.#acl({ table: 'Port_Group', id: this.id('Port_Group', group) }, acl);
  }

  /** `on`: switches that have it; `through`: by way of a load balancer group. */
  balancer(
    name: string,
    balancer: {
      readonly on: readonly string[];
      readonly through?: string;
      readonly vips: Readonly<Record<string, string>>;
      readonly protocol: string;
      readonly options?: Readonly<Record<string, string>>;
      readonly owner?: string;
    },
  ): void {
    const { on, through, vips, protocol, options = {}, owner } = balancer;
    this.#add('Load_Balancer', name, {
      name,
      vips: new Map(Object.entries(vips)),
      protocol: new Set([protocol]),
      options: new Map(Object.entries(options)),
      ...(owner !== undefined && { external_ids: new Map([['kubeloom-owner', owner]]) }),
    });
    let held = this.id('Load_Balancer', name);
    if (through !== undefined) {
      this.#add('Load_Balancer_Group', through, { name: through, load_balancer: new Set([held]) });
      held = this.id('Load_Balancer_Group', through);
    }
    for (const one of on)
      this.#extend('Logical_Switch', one, through === undefined ? 'load_balancer' : 'load_balancer_group', held);
  }

  /** What names in load balancers stand for on a chassis. */
  variables(chassis: string, values: Readonly<Record<string, string>>): void {
    this.#add('Chassis_Template_Var', chassis, { chassis, variables: new Map(Object.entries(values)) });
  }

  global(options: Readonly<Record<string, string>>): void {
    this.#add('NB_Global', '.', { options: new Map(Object.entries(options)) });
  }

  id(table: string, name: string): RowId {
    const key = `${table}/${name}`;
    let id = this.#ids.get(key);
    if (id === undefined) {
      const number = (this.#ids.size + 1).toString(16).padStart(12, '0');
      this.#ids.set(key, (id = `00000000-0000-4000-8000-${number}` as RowId));
    }
    return id;
  }

  #acl(holder: Holder, acl: AclText): void {
    const { direction, match, action, priority, tier = 0, afterLb = false, name, owner } = acl;
    this.#add(
      'ACL',
      String(this.facts.length),
      {
        direction,
        match,
        action,
        priority,
        // A schema before OVN 23.06 has no such column.
        ...(tier > 0 && { tier }),
        options: new Map(afterLb ? [['apply-after-lb', 'true']] : []),
        ...(name !== undefined && { name: new Set([name]) }),
        ...(owner !== undefined && { external_ids: new Map([['kubeloom-owner', owner]]) }),
      },
      { row: holder.table, id: holder.id, column: 'acls' },
    );
  }

  #add(table: string, name: string, columns: Readonly<Record<string, Value>>, place?: RowFact['in']): void {
    const fact = { row: table, id: this.id(table, name), owner: 'Test//rows' as Owner, columns };
    this.facts.push(place === undefined ? fact : { ...fact, in: place });
  }

  #extend(table: string, name: string, column: string, element: RowId): void {
    const at = this.facts.findIndex((fact) => fact.row === table && fact.id === this.id(table, name));
    const fact = this.facts[at];
    if (fact === undefined) throw new RangeError(`no ${table} ${name}`);
    const before = fact.columns[column];
    const now = new Set([...(before instanceof Set ? before : []), element]);
    this.facts[at] = { ...fact, columns: { ...fact.columns, [column]: now } };
  }
}
