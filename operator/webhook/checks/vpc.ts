// A Vpc: routes, policies and peerings that the operator would leave out. What refers to another object that is not
// there yet is no fault.
import { vpcRow } from '../../api/project.ts';
import { peeringFaults } from '../../reconcilers/vpc-peering.ts';
import { policyFaults, userRoutes } from '../../reconcilers/vpc-routes.ts';
import type { Checks } from './check.ts';
import { nameOf } from './check.ts';

export const vpc: Checks = {
  *faults(object, view) {
    const row = vpcRow(object);
    const { name } = row.meta;
    for (const fact of userRoutes(row)) if ('problem' in fact) yield fact.message;
    yield* policyFaults(row);
    yield* peeringFaults(row);
    if (view.get('subnet', name)) yield `a subnet has the name ${name}, and a VPC may not have the name of a subnet`;
  },
  *uses(object, view) {
    const name = nameOf(object);
    const subnets = view.at('networksByVpc', name).filter(({ switched }) => switched);
    if (subnets.length > 0) yield `VPC ${name} has subnets: ${subnets.map((one) => one.name).join(', ')}`;
  },
};
