import { describe, expect, it } from 'vitest';
import { nodeNetworks } from '../../../operator/api/node-networks.ts';

describe('nodeNetworks', () => {
  it.each([
    ['', [], []],
    ['{}', [], []],
    ['{"b":"192.0.2.2","a":"FD00::1"}', ['a fd00::1', 'b 192.0.2.2'], []],
    ['{"a":"192.0.2.2/24","b":"192.0.2.1"}', ['b 192.0.2.1'], ['node_networks: a has no address: "192.0.2.2/24"']],
    ['{"a":null}', [], ['node_networks: a has no address: null']],
    ['["192.0.2.2"]', [], ['node_networks is not a JSON object of names and addresses']],
    ['{', [], ['node_networks is not a JSON object of names and addresses']],
  ])('%s', (text, networks, faults) => {
    const found = nodeNetworks(text);
    expect(found.networks.map(({ name, address }) => `${name} ${address}`)).toEqual(networks);
    expect(found.faults).toEqual(faults);
  });
});
