import { expect, it } from 'vitest';
import { operatorMetrics, type MetricSources } from '../../../operator/kube/metrics.ts';

const addresses = ['10.16.0.2', '10.16.0.3'];

const sources: MetricSources = {
  subnets: () => [],
  assignments: () => addresses.map((ip) => ({ subnet: 'ovn-default', ip, pod: `pod-${ip}` })),
  centralized: () => [
    { subnet: 'c', ecmp: true, nodes: 'n1,n2', active: '', match: 'ip4.src == 10.17.0.0/16', nexthops: '100.64.0.2' },
  ],
  differ: () => ({ pending: 3, parked: 0, frozen: 0 }),
  queues: () => ({ status: 1 }),
  reflectors: () => ({ Pod: 2 }),
  troubles: () => ({}),
  leading: () => true,
};

const samples = (text: string, name: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));

it('each scrape has every sample, also of two at once, and between them none is kept', async () => {
  const { registry } = operatorMetrics(sources, 'api');
  const texts = await Promise.all([registry.metrics(), registry.metrics()]);
  for (const text of [...texts, await registry.metrics()]) {
    expect(samples(text, 'subnet_ip_assign_info')).toEqual(
      addresses.map((ip) => `subnet_ip_assign_info{subnet_name="ovn-default",ip="${ip}",pod_name="pod-${ip}"} 1`),
    );
    expect(samples(text, 'centralized_subnet_info')).toEqual([
      'centralized_subnet_info{subnet_name="c",enable_ecmp="true",gateway_node="n1,n2",active_gateway="",match="ip4.src == 10.17.0.0/16",nexthops="100.64.0.2"} 1',
    ]);
    expect(samples(text, 'kubeloom_rows_pending')).toEqual(['kubeloom_rows_pending 3']);
    expect(samples(text, 'kubeloom_leader')).toEqual(['kubeloom_leader 1']);
  }
  const gauge = registry.getSingleMetric('subnet_ip_assign_info') as unknown as { readonly hashMap: object };
  expect(Object.keys(gauge.hashMap)).toEqual([]);
});
