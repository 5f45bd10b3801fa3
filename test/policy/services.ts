// Services of one pod each, as load balancers beside the rows of the product: policies judge what a connection is after
// load balancing, and a pod reaches itself through its own Service whatever isolates it.
import type { Owner, RowFact, RowId } from '../../lib/delta/fact.ts';
import { rowId } from '../../lib/delta/ids.ts';
import { hairpin } from '../../operator/nb/rows/policy.ts';
import type { Target } from './judge.ts';
import type { NbFact } from './product.ts';
import { addressOf, familyOf } from './world.ts';
import type { Pod, Traffic, World } from './world.ts';

const owner = 'Service//test' as Owner;

/** The virtual address of a pod for this traffic. */
export function serviceOf(world: World, pod: Pod, { family, port }: Traffic): Target {
  const number = world.pods.indexOf(pod) + 1;
  return { address: family === 4 ? `10.96.1.${number}` : `fd00:96::${number.toString(16)}`, port };
}

/** The rows with a Service for each of the pods, protocols and ports, on every switch that has load balancing. */
export function withServices(
  world: World,
  facts: readonly NbFact[],
  all: readonly (readonly [Pod, Traffic])[],
): NbFact[] {
  const balancers = [...Map.groupBy(all, ([, { protocol }]) => protocol)].map(([protocol, some]): RowFact => {
    const vips = some.map(([pod, traffic]) => {
      const backend = written({ address: addressOf({ pod }, traffic) ?? '', port: traffic.port });
      return [written(serviceOf(world, pod, traffic)), backend] as const;
    });
    return {
      row: 'Load_Balancer',
      id: rowId(owner, 'Load_Balancer', protocol),
      owner,
      columns: {
        name: protocol,
        protocol: protocol.toLowerCase(),
        vips: new Map(vips),
        options: new Map([['hairpin_snat_ip', `${hairpin[4]} ${hairpin[6]}`]]),
      },
    };
  });
  const balanced = switches(facts, new Set(world.subnets.filter(({ enableLb }) => enableLb).map(({ name }) => name)));
  const members = balanced.flatMap((id) =>
    balancers.map((row) => ({ member: 'Logical_Switch', id, column: 'load_balancer', element: row.id, owner })),
  );
  return [...facts, ...balancers, ...members];
}

const switches = (facts: readonly NbFact[], names: ReadonlySet<unknown>): RowId[] =>
  facts.flatMap((fact) =>
    'row' in fact && fact.row === 'Logical_Switch' && names.has(fact.columns['name']) ? [fact.id] : [],
  );

const written = ({ address, port }: Target): string =>
  familyOf(address) === 4 ? `${address}:${port}` : `[${address}]:${port}`;
