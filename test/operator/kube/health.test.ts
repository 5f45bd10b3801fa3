import { afterEach, describe, expect, it } from 'vitest';
import { HealthServer } from '../../../operator/kube/health.ts';
import { type MetricSources, operatorMetrics } from '../../../operator/kube/metrics.ts';

const servers: HealthServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

const family = (using: bigint, available: bigint) => ({
  family: 4 as const,
  using,
  available,
  usingRange: '10.0.0.2',
  availableRange: '10.0.0.3-10.0.0.9',
});

function sources(): MetricSources & { subnet: string | undefined } {
  const state = {
    subnet: 's' as string | undefined,
    subnets: () =>
      state.subnet === undefined
        ? []
        : [
            {
              name: state.subnet,
              protocol: 'IPv4',
              cidrs: ['10.0.0.0/28'],
              excludeIps: ['10.0.0.1'],
              usage: { subnet: 's', families: [family(1n, 7n)] },
            },
          ],
    assignments: () => [{ subnet: 's', ip: '10.0.0.2', pod: 'p' }],
    centralized: () => [],
    differ: () => ({ pending: 3, parked: 2, frozen: 1 }),
    queues: () => ({ applier: 4 }),
    reflectors: () => ({ Pod: 5 }),
    troubles: () => ({ Node: { reason: 'forbidden' as const } }),
    leading: () => true,
  };
  return state;
}

async function rig(wrong: { ready?: string } = {}) {
  const state = sources();
  const metrics = operatorMetrics(state, 'api:6443');
  const server = new HealthServer({
    port: 0,
    host: '127.0.0.1',
    registry: metrics.registry,
    live: { loop: () => undefined },
    ready: { synced: () => wrong.ready },
    debug: { pod: (key) => [['a/x', { key, addresses: new Set(['10.0.0.2']), free: 2n ** 64n }]] },
  });
  servers.push(server);
  await server.start();
  const get = async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: answer.status, text: await answer.text() };
  };
  return { state, metrics, server, get };
}

describe('HealthServer', () => {
  it('shows tables to clients on the same machine, by key', async () => {
    const { get } = await rig();
    const { status, text } = await get('/debug/pod?key=a%2Fx');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual([['a/x', { key: 'a/x', addresses: ['10.0.0.2'], free: '18446744073709551616' }]]);
    expect(await get('/debug/nothing')).toEqual({ status: 404, text: 'there are /debug/ pod\n' });
  });

  it('answers what its checks say at the moment', async () => {
    const wrong: { ready?: string } = { ready: 'pods are not listed yet' };
    const { get } = await rig(wrong);
    expect(await get('/livez')).toEqual({ status: 200, text: '[+]loop ok\nok\n' });
    expect(await get('/readyz?verbose')).toEqual({ status: 503, text: '[-]synced pods are not listed yet\nfailed\n' });
    delete wrong.ready;
    expect((await get('/readyz')).status).toBe(200);
    expect((await get('/other')).status).toBe(404);
    expect((await get('/livez', 'POST')).status).toBe(405);
  });

  it('says when its port is taken', async () => {
    const { server, metrics } = await rig();
    const second = new HealthServer({
      port: server.port,
      host: '127.0.0.1',
      registry: metrics.registry,
      live: {},
      ready: {},
    });
    await expect(second.start()).rejects.toThrow('EADDRINUSE');
    await second.stop();
  });
});

describe('operatorMetrics', () => {
  it('shows gauges as their sources are now, and counters', async () => {
    const { state, metrics, get } = await rig();
    metrics.request({ method: 'GET', code: '200', seconds: 0.01 });
    metrics.restart('Pod', 'expired');
    metrics.transaction('done', 0.002);
    const { text } = await get('/metrics');
    for (const line of [
      'subnet_available_ip_count{subnet_name="s",protocol="IPv4",subnet_cidr="10.0.0.0/28"} 7',
      'subnet_used_ip_count{subnet_name="s",protocol="IPv4",subnet_cidr="10.0.0.0/28"} 1',
      'subnet_ip_assign_info{subnet_name="s",ip="10.0.0.2",pod_name="p"} 1',
      'rest_client_requests_total{code="200",method="GET",host="api:6443"} 1',
      'kubeloom_reflector_restarts_total{kind="Pod",reason="expired"} 1',
      'kubeloom_nb_transactions_total{result="done"} 1',
      'ovs_client_request_latency_milliseconds_sum{db="OVN_Northbound",method="transact",code="0"} 2',
      'kubeloom_rows_pending 3',
      'kubeloom_owners_parked 2',
      'kubeloom_owners_frozen 1',
      'workqueue_depth{name="applier"} 4',
      'kubeloom_reflector_objects{kind="Pod"} 5',
      'kubeloom_reflector_waiting{kind="Node",reason="forbidden"} 1',
      'kubeloom_leader 1',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toMatch(/subnet_ipam_info\{.*reserved="10.0.0.1".*\} 1/);
    state.subnet = undefined;
    expect((await get('/metrics')).text).not.toContain('subnet_used_ip_count{');
  });
});
