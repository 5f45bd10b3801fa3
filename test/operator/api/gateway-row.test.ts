import { expect, it } from 'vitest';
import { natConfigRow } from '../../../operator/api/gateway-row.ts';

const row = (data: unknown, name = 'ovn-vpc-nat-config'): unknown => natConfigRow({ metadata: { name }, data });

it('is read of one ConfigMap alone', () => {
  expect(row({ image: 'a' }, 'kube-ovn-ca')).toBeUndefined();
  for (const odd of [undefined, null, 1, 'x']) expect(row(odd)).toEqual({ image: '', nodeSelector: {} });
});

it('has labels of nodes one a line, quoted or not; other lines say nothing', () => {
  const nodeSelector = 'kubernetes.io/hostname: n1\n  edge: "yes"\nempty:\n\nnonsense\n';
  expect(row({ image: ' a/b:1\n', nodeSelector })).toEqual({
    image: 'a/b:1',
    nodeSelector: { 'kubernetes.io/hostname': 'n1', edge: 'yes', empty: '' },
  });
});
