// What the agent says of its own work, from its metrics page.

const PAGE = 'http://127.0.0.1:10665/metrics';

/** The sum of a metric over the label sets that contain `labels`. */
export function metric(page: string, name: string, labels = ''): number {
  return page
    .split('\n')
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** ADDs so far: their milliseconds without waits, their number, and the programs that the agent has started. */
export async function metricsOf(): Promise<{ ms: number; adds: number; processes: number }> {
  const page = await (await fetch(PAGE)).text();
  const add = 'method="ADD"';
  if (metric(page, 'kubeloom_agent_programs_total', 'program="ovs-vsctl"') > 0)
    throw new Error('the agent has started ovs-vsctl');
  const waited = ['address', 'route', 'connectivity'].map((what) => metric(page, `cni_wait_${what}_seconds_total`));
  return {
    ms: (metric(page, 'cni_op_latency_seconds_sum', add) - waited.reduce((sum, each) => sum + each, 0)) * 1000,
    adds: metric(page, 'cni_op_latency_seconds_count', add),
    // The page counts what gateways have let through by a program of its own: that is no ADD's.
    processes:
      metric(page, 'kubeloom_agent_programs_total') - metric(page, 'kubeloom_agent_programs_total', 'tables-nft-save"'),
  };
}
