// Objects to rows to a real northbound database, for tests that ask ovn-northd what it makes of them.
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import { parseSchema } from '../../lib/ovsdb/index.ts';
import { fitting } from '../../operator/nb/fitting.ts';
import type { Change } from '../expand.ts';
import type { OvnCentral } from '../ovn-central.ts';
import { build } from './objects.ts';
import { factsOf, feed, start } from './process.ts';
import { operations } from './transaction.ts';

export const put = (kind: string, key: string, fields: Record<string, unknown>): Change => ({
  kind,
  key,
  object: build(kind, key, fields),
});

/** A pod of namespace `a` with its address, which may hold Vip `pair` unless its annotations say otherwise. */
export const pod = (
  name: string,
  at: { node: string; subnet: string; ip: string; mac: string },
  annotations: Readonly<Record<string, string>> = {},
): Change[] => [
  put('Pod', `a/${name}`, {
    node: at.node,
    annotations: {
      'ovn.kubernetes.io/logical_switch': at.subnet,
      'ovn.kubernetes.io/aaps': 'pair',
      ...annotations,
    },
  }),
  put('IP', `${name}.a`, { for: `a/${name}`, ...at }),
];

export interface Wanted {
  readonly facts: readonly (RowFact | MemberFact)[];
  /** MAC of a router port, by its name. */
  readonly macOf: (port: string) => string;
}

export function rowsOf(changes: readonly Change[]): Wanted {
  const process = start();
  feed(process, changes);
  const facts = factsOf(process, 'rows') as (RowFact | MemberFact)[];
  const macOf = (port: string): string => {
    const rows = facts.filter((fact) => 'row' in fact);
    const mac = rows.find(({ row, columns }) => row === 'Logical_Router_Port' && columns['name'] === port)?.columns[
      'mac'
    ];
    return typeof mac === 'string' ? mac : '';
  };
  return { facts, macOf };
}

/** Writes the facts, as this OVN's schema takes them, into its empty database, waits for northd, and answers them. */
export async function enter(ovn: OvnCentral, { facts }: Wanted): Promise<Wanted['facts']> {
  const { nb } = ovn;
  const schema = parseSchema(JSON.parse(await nb.client('get-schema', nb.remote, nb.database)));
  const fitted = fitting(schema)(facts);
  await nb.transact(operations(fitted));
  await ovn.settled();
  return fitted;
}
