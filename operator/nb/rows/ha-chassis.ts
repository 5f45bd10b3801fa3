// Groups of chassis of which one hosts a port: the highest priority that is alive.
import type { Owner, RowFact, RowId } from '../../../lib/delta/fact.ts';
import { rowId } from '../../../lib/delta/ids.ts';
import { row } from './row.ts';

/** Kube-OVN's priority of the first chassis; each further one has one less. */
const first = 100;

export interface ChassisGroup {
  readonly owner: Owner;
  /** Name of the group and of the router port that it is for. */
  readonly name: string;
  /** Names of chassis, the preferred one first. */
  readonly chassis: readonly string[];
}

export const chassisGroupId = (owner: Owner, name: string): RowId => rowId(owner, 'HA_Chassis_Group', name);

/** The group and its members. */
export function* chassisGroup({ owner, name, chassis }: ChassisGroup): Generator<RowFact> {
  yield row('HA_Chassis_Group', { owner, name, columns: { name }, external: { lrp: name } });
  for (const [at, chassisName] of chassis.entries()) {
    yield row('HA_Chassis', {
      owner,
      name: `${name} ${chassisName}`,
      columns: { chassis_name: chassisName, priority: Math.max(first - at, 0) },
      external: { group: name },
      in: { row: 'HA_Chassis_Group', id: chassisGroupId(owner, name), column: 'ha_chassis' },
    });
  }
}
