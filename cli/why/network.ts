// The logical network of a northbound database at one moment: topology, and per switch its rules and virtual addresses,
// each made when it is first asked for.
import type { Row } from '../../lib/ovsdb/index.ts';
import { ConstantSet } from './constant-set.ts';
import type { Names } from './expression.ts';
import { isTemplate, variablesOf, Vips, vipsOf, type Variables, type Vip } from './load-balancer.ts';
import { elements, entries, text, type Nb } from './rows.ts';
import { RuleBook, ruleOf, type Rule } from './rule.ts';
import { elementOf } from './token.ts';
import { Topology } from './topology.ts';

export interface Switch {
  readonly id: string;
  readonly name: string;
  readonly rules: RuleBook;
  readonly vips: Vips;
  /** Those of which each chassis has its own backends. */
  readonly vipsOn: (chassis: string) => Vips;
}

interface Group {
  readonly name: string;
  /** Names of its ports, by the UUID of their switch. */
  readonly portsOf: ReadonlyMap<string, ReadonlySet<string>>;
  readonly row: Row;
}

export class Network {
  readonly topology: Topology;
  /** What no rule matches is dropped on switches that have rules. */
  readonly defaultDrop: boolean;
  readonly #nb: Nb;
  readonly #groups: ReadonlyMap<string, Group>;
  readonly #groupsOn: ReadonlyMap<string, readonly Group[]>;
  readonly #addresses: ReadonlyMap<string, () => ConstantSet>;
  readonly #switches = new Map<string, Switch>();
  readonly #vipsOf = new Map<string, readonly Vip[]>();
  readonly #variables: ReadonlyMap<string, Variables>;

  constructor(nb: Nb) {
    this.#nb = nb;
    this.topology = new Topology(nb);
    this.#groups = groupsOf(nb, this.topology);
    this.#groupsOn = bySwitch(this.#groups.values());
    this.#addresses = addressSets(nb, this.#groups.values(), this.topology);
    this.#variables = variablesOf(nb.rows('Chassis_Template_Var'));
    const [global] = [...nb.rows('NB_Global')];
    this.defaultDrop = entries(global?.[1], 'options').get('default_acl_drop') === 'true';
  }

  switch(id: string): Switch {
    let found = this.#switches.get(id);
    if (found === undefined) this.#switches.set(id, (found = this.#made(id)));
    return found;
  }

  #made(id: string): Switch {
    const row = this.#nb.row('Logical_Switch', id);
    const balancers = this.#balancersOf(row);
    const named = balancers.flatMap((uuid) => this.#named(uuid));
    const vips = new Vips(
      balancers.flatMap((uuid) => this.#vips(uuid)),
      named.some((one) => entries(one, 'vips').size > 0),
    );
    const vipsOn = (chassis: string): Vips =>
      new Vips(named.flatMap((one) => vipsOf(one, this.#variables.get(chassis))));
    const name = text(row, 'name');
    const own = this.#rulesOf(row, { table: 'Logical_Switch', name });
    const grouped = (this.#groupsOn.get(id) ?? []).flatMap((group) =>
      this.#rulesOf(group.row, { table: 'Port_Group', name: group.name }),
    );
    return { id, name, vips, vipsOn, rules: new RuleBook([...own, ...grouped], this.#names(id), vips.any) };
  }

  #rulesOf(row: Row | undefined, on: Rule['on']): Rule[] {
    return elements(row, 'acls').flatMap((uuid) => {
      const acl = this.#nb.row('ACL', uuid);
      return acl === undefined ? [] : [ruleOf(uuid, acl, on)];
    });
  }

  #balancersOf(row: Row | undefined): string[] {
    const groups = elements(row, 'load_balancer_group').map((uuid) => this.#nb.row('Load_Balancer_Group', uuid));
    return [...elements(row, 'load_balancer'), ...groups.flatMap((group) => elements(group, 'load_balancer'))];
  }

  /** Shared by the switches, since a cluster's load balancers are on all of them. */
  #vips(uuid: string): readonly Vip[] {
    let vips = this.#vipsOf.get(uuid);
    if (vips === undefined) {
      const row = this.#nb.row('Load_Balancer', uuid);
      this.#vipsOf.set(uuid, (vips = row === undefined || isTemplate(row) ? [] : vipsOf(row)));
    }
    return vips;
  }

  #named(uuid: string): Row[] {
    const row = this.#nb.row('Load_Balancer', uuid);
    return row !== undefined && isTemplate(row) ? [row] : [];
  }

  #names(switchId: string): Names {
    return {
      addressSet: (name) => this.#addresses.get(name)?.(),
      portGroup: (name) => this.#groups.get(name)?.portsOf.get(switchId),
    };
  }
}

function groupsOf(nb: Nb, topology: Topology): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const [, row] of nb.rows('Port_Group')) {
    const portsOf = new Map<string, Set<string>>();
    for (const uuid of elements(row, 'ports')) {
      const port = topology.portsByUuid.get(uuid);
      if (port === undefined) continue;
      portsOf.set(port.switch, (portsOf.get(port.switch) ?? new Set()).add(port.name));
    }
    groups.set(text(row, 'name'), { name: text(row, 'name'), portsOf, row });
  }
  return groups;
}

function bySwitch(groups: Iterable<Group>): Map<string, Group[]> {
  const found = new Map<string, Group[]>();
  for (const group of groups) for (const id of group.portsOf.keys()) found.set(id, [...(found.get(id) ?? []), group]);
  return found;
}

/** Sets by name, read when a match names them. northd adds those of port groups: the addresses of their ports. */
function addressSets(nb: Nb, groups: Iterable<Group>, topology: Topology): Map<string, () => ConstantSet> {
  const sets = new Map<string, () => ConstantSet>();
  for (const group of groups) {
    const ports = [...group.portsOf.values()].flatMap((names) => [...names]).map((name) => topology.ports.get(name));
    for (const family of [4, 6] as const) {
      const own = ports.flatMap((port) => port?.addresses ?? []).filter((ip) => ip.family === family);
      const format = family === 4 ? 'IPv4' : 'IPv6';
      sets.set(
        `${group.name}_ip${family}`,
        once(() => new ConstantSet(own.map(({ value }) => ({ value, format })))),
      );
    }
  }
  for (const [, row] of nb.rows('Address_Set')) {
    const read = (): ConstantSet =>
      new ConstantSet(
        elements(row, 'addresses')
          .map(elementOf)
          .filter((constant) => constant !== undefined),
      );
    sets.set(text(row, 'name'), once(read));
  }
  return sets;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
