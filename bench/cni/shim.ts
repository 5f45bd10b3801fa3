// Goal G14: the CNI executable alone, beside a program that only connects, writes and reads. Both are started by a third one
// in C, so that nothing of Node is measured but the server that answers both.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheRoot, repoRoot } from '../../test/cluster/cache.ts';
import { run } from '../../test/cluster/exec.ts';
import { compiled } from '../../config/images/compile.ts';
import type { Figure, Pair, Round } from '../compare.ts';
import { contest, figure } from '../compare.ts';

const PAIRS = 20;
const STARTS = 100;

/** An answer as long as that of an ADD. */
const RESULT = `${JSON.stringify({
  cniVersion: '0.3.1',
  interfaces: [{ name: '0123456789ab_h' }, { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/var/run/netns/x' }],
  ips: [{ version: '4', address: '10.16.0.10/16', gateway: '10.16.0.1', interface: 1 }],
  routes: [{ dst: '0.0.0.0/0', gw: '10.16.0.1' }],
  dns: {},
})}\n`;
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: ${RESULT.length}\r\nConnection: close\r\n\r\n${RESULT}`;

/** Reads to the end of the configuration, the last byte of either request, then answers and closes. */
function serve(socket: string): Promise<Server> {
  const server = createServer((connection) => {
    connection.on('error', () => connection.destroy());
    connection.on('data', (chunk: Buffer) => {
      if (chunk.at(-1) === 0x7d) connection.end(ANSWER);
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  server.on('error', reject);
  server.listen(socket, () => resolve(server));
  return promise;
}

interface Starts {
  readonly wall: Round;
  readonly cpu: Round;
}

const environment = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: '0123456789abcdef'.repeat(4),
  CNI_NETNS: '/var/run/netns/cni-01234567-89ab-cdef-0123-456789abcdef',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=bench;K8S_POD_UID=0',
};

/** Figures of wall time and of processor time per start. */
export async function shimFigures(): Promise<Figure[]> {
  const images = join(cacheRoot(), 'images');
  const [shim, plain, starter] = await Promise.all(
    ['agent/cni/shim.c', 'bench/cni/plain.c', 'bench/cni/starter.c'].map((file) =>
      compiled(join(repoRoot, file), images),
    ),
  );
  const folder = await mkdtemp(join(tmpdir(), 'kubeloom-bench-'));
  const socket = join(folder, 'sock');
  const server = await serve(socket);
  const input = JSON.stringify({ cniVersion: '0.3.1', name: 'kube-ovn', type: 'kube-ovn', server_socket: socket });
  const start = async (program: string): Promise<Starts> => {
    const argv = [starter ?? '', String(STARTS), program, socket];
    const { stdout } = await run(argv, { input, env: environment });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
    return { wall: lines.map(([wall = Number.NaN]) => wall), cpu: lines.map(([, cpu = Number.NaN]) => cpu) };
  };
  try {
    await start(shim ?? '');
    const cpu: { product: Round[]; raw: Round[] } = { product: [], raw: [] };
    const wall = await contest({
      pairs: PAIRS,
      product: async () => keep(await start(shim ?? ''), cpu.product),
      raw: async () => keep(await start(plain ?? ''), cpu.raw),
    });
    const cpus: Pair[] = cpu.product.map((product, at) => ({ product, raw: cpu.raw[at] ?? [] }));
    return [
      figure('CNI executable, wall', wall, 50, { percentile: 50, ratio: 1.5 }),
      figure('CNI executable, wall', wall, 90, { percentile: 90, ratio: 2 }),
      figure('CNI executable, wall', wall, 99),
      figure('CNI executable, processor', cpus, 50, { percentile: 50, ratio: 2 }),
    ];
  } finally {
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function keep({ wall, cpu }: Starts, list: Round[]): Round {
  list.push(cpu);
  return wall;
}
