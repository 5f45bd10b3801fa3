// A VpcNatGateway: pods that stand in a subnet of a VPC.
import type { JsonObject } from '../../api/fact.ts';
import { integerOf, listOf, objectOf, textOf } from '../../api/json.ts';
import type { Checks, View } from './check.ts';
import { nameOf, specOf } from './check.ts';
import { addressFaults, subnetFaults } from './fields.ts';

const operators: readonly string[] = ['', 'Equal', 'Exists'];
const effects: readonly string[] = ['', 'NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export const natGateway: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    const subnet = textOf(spec['subnet']);
    yield* vpcFaults(spec, view);
    yield* subnetFaults('subnet', subnet, view);
    // Pods that are several have addresses of their own each.
    if (!isSeveral(spec)) yield* addressFaults({ field: 'lanIp', text: textOf(spec['lanIp']), subnet }, view);
    for (const toleration of listOf(spec['tolerations']).map(objectOf)) {
      const [operator, effect] = [textOf(toleration['operator']), textOf(toleration['effect'])];
      if (!operators.includes(operator)) yield `operator ${operator} of a toleration is none of Equal, Exists`;
      if (!effects.includes(effect)) yield `effect ${effect} of a toleration is not known`;
    }
  },
  *changes(before, after) {
    const [old, now] = [specOf(before), specOf(after)];
    const [was, is] = [textOf(old['namespace']), textOf(now['namespace'])];
    if (was !== is) yield `namespace may not change: it is ${was || 'that of the operator'}`;
    if (isSeveral(old) !== isSeveral(now)) yield 'replicas may not change between one and several: make it anew';
  },
  *uses(object, view) {
    const name = nameOf(object);
    const eips = view.at('eipsByGateway', name).filter(({ meta }) => !meta.deleting);
    const names = eips.map(({ meta }) => meta.name);
    if (names.length > 0) yield `VpcNatGateway ${name} has IptablesEIPs: ${names.join(', ')}`;
  },
};

const isSeveral = (spec: JsonObject): boolean => integerOf(spec['replicas']) > 1;

function* vpcFaults(spec: JsonObject, view: View): Generator<string> {
  const name = textOf(spec['vpc']);
  const row = view.get('vpc', name);
  if (name === '') yield 'vpc is empty';
  else if (!row) yield `VPC ${name} does not exist`;
  else if (objectOf(spec['bfd'])['enabled'] === true && row.spec['enableBfd'] !== true)
    yield `bfd needs enableBfd of VPC ${name}`;
}
