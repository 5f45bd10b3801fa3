// Pods take their addresses from the pool of the zone of their node, so that a zone is a prefix that routers and firewalls
// outside of the cluster can name.
//
// settings: {"pools": {"zone-a": "pool-a"}, "label": "topology.kubernetes.io/zone", "otherwise": "any"}, each part optional.
// The pools of a zone are the one that the settings name, else those with the label of the zone, else the one that is
// called like the zone. Where none of them is offered, any address will do, or with "otherwise": "refuse" none.
import { Choice, named, Value } from '@kubeloom/policy-sdk/assembly/ipam';

const ZONE: string = 'topology.kubernetes.io/zone';

export function validate(settings: Value): string {
  const pools = settings.get('pools');
  if (!pools.isNull && !pools.isObject) return 'pools: names of pools by zone, or nothing';
  const otherwise = settings.get('otherwise').text('any');
  return otherwise == 'any' || otherwise == 'refuse' ? '' : 'otherwise: any or refuse';
}

export function evaluate(input: Value, settings: Value, choice: Choice): void {
  const node = input.get('node');
  const label = settings.get('label').text(ZONE);
  const zone = node.get('labels').get(label).text();
  if (zone.length > 0 && choosePool(input.get('pools'), zone, settings, choice)) return;
  if (settings.get('otherwise').text('any') == 'any') return;
  const name = node.get('name').text();
  choice.deny(zone.length > 0 ? `no pool of zone ${zone} is offered` : `node ${name} has no label ${label}`);
}

function choosePool(pools: Value, zone: string, settings: Value, choice: Choice): bool {
  const own = settings.get('pools').get(zone);
  if (own.isText) return choose(pools, own.text(), choice);
  const label = settings.get('label').text(ZONE);
  let found = false;
  for (let at = 0; at < pools.length; at++) {
    if (pools.at(at).get('labels').get(label).text() != zone) continue;
    choice.pool(pools.at(at).get('name').text());
    found = true;
  }
  return found || choose(pools, zone, choice);
}

function choose(pools: Value, name: string, choice: Choice): bool {
  if (named(pools, name).isNull) return false;
  choice.pool(name);
  return true;
}
