// The writing edge to Kubernetes: pods that are bound wait for a stopped operator, which is then let go; the time until all
// of them have their annotations. Raw is a client that makes the same requests, with nothing to decide and nothing else
// to do: an IP object, then the annotations and the event, sixty-four pods at once.
import { createInterface } from 'node:readline';
import { KubeConfig } from '@kubernetes/client-node';
import type { JsonObject } from '../operator/api/fact.ts';
import { ipManifest } from '../operator/ipam/writer.ts';
import { KubeClient } from '../operator/kube/client.ts';
import { systemClock } from '../operator/kube/clock.ts';
import { resources } from '../operator/kube/resources.ts';
import { eventually } from '../test/eventually.ts';
import { contest, type Figure, figure, type Round } from './compare.ts';
import { type Bed, nodeName, podManifest, startBed } from './soak/bed.ts';

const nodes = 10;
const pairs = 5;
const perRound = 200;
/** Goal G17: a hundred pods a second. */
const msPerPod = 10;

type Note = (text: string) => void;

/** Runs `work` for 0..perRound, so many at once. */
async function all(atOnce: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < perRound) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Names of pods that have their addresses, as a watch tells. */
async function announced(client: KubeClient, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const { resourceVersion } = await client.list(resources.Pod, { limit: 1 });
  const body = await client.watch(resources.Pod, { from: { resourceVersion }, timeoutSeconds: 3600, signal });
  const names = new Set<string>();
  const lines = createInterface({ input: body });
  lines.on('line', (line) => {
    if (!line.includes('"ovn.kubernetes.io/allocated":"true"')) return;
    const { object } = JSON.parse(line) as { object: { metadata: { name: string } } };
    names.add(object.metadata.name);
  });
  // It ends with the bench.
  for (const stream of [body, lines]) stream.on('error', () => undefined);
  return names;
}

class Edge {
  readonly #bed: Bed;
  readonly #client: KubeClient;
  readonly #done: ReadonlySet<string>;
  #round = 0;

  constructor(bed: Bed, client: KubeClient, done: ReadonlySet<string>) {
    this.#bed = bed;
    this.#client = client;
    this.#done = done;
  }

  /** Ms per pod of one round. */
  async product(): Promise<Round> {
    const name = this.#names('product');
    this.#bed.pause();
    await all(8, (index) => this.#bed.load.create(podManifest(name(index), nodeName(index % nodes))));
    const begun = performance.now();
    this.#bed.resume();
    const names = Array.from({ length: perRound }, (_, index) => name(index));
    await eventually(() => names.every((each) => this.#done.has(each)), { within: 300_000, every: 5 });
    const ms = performance.now() - begun;
    await all(8, (index) => this.#bed.load.deletePod(name(index)));
    await this.#bed.quiet(nodes, 300_000);
    return [ms / perRound];
  }

  /** The operator is stopped meanwhile, as the raw client is in the other rounds. */
  async raw(): Promise<Round> {
    const name = this.#names('raw');
    this.#bed.pause();
    const pod = (index: number): JsonObject & { readonly kind: 'Pod' } => {
      const { spec, ...rest } = podManifest(name(index), nodeName(index % nodes));
      return { ...rest, kind: 'Pod', spec: { ...(spec as JsonObject), hostNetwork: true } };
    };
    await all(8, (index) => this.#bed.load.create(pod(index)));
    const begun = performance.now();
    await all(64, (index) => this.#writes(name(index), index));
    const ms = performance.now() - begun;
    await all(8, async (index) => {
      await this.#client.delete({ ...resources.IP, namespace: '', name: `${name(index)}.default` });
      await this.#bed.load.deletePod(name(index));
    });
    this.#bed.resume();
    await this.#bed.quiet(nodes, 300_000);
    return [ms / perRound];
  }

  #names(kind: string): (index: number) => string {
    const round = this.#round;
    this.#round += 1;
    return (index) => `${kind}-${round}-${index}`;
  }

  async #writes(pod: string, index: number): Promise<void> {
    const address = `10.200.${index >> 8}.${index & 255}`;
    const mac = '02:00:00:00:00:01';
    const made = ipManifest({
      name: `${pod}.default`,
      podName: pod,
      namespace: 'default',
      podType: '',
      node: nodeName(0),
      subnet: 'elsewhere',
      addresses: [address],
      mac,
      ownerUid: '',
    });
    // Without the finalizer and the owner it is nothing that the operator would take for its own.
    const { name, labels } = made.metadata as { name: string; labels: JsonObject };
    await this.#client.create(resources.IP, { ...made, metadata: { name, labels } });
    const keys = ['allocated', 'routed', 'ip_address', 'mac_address', 'cidr', 'gateway', 'logical_router'];
    const annotations = Object.fromEntries(
      [...keys, 'logical_switch', 'pod_nic_type'].map((key) => [`raw.kubernetes.io/${key}`, `${address} ${mac}`]),
    );
    const metadata = { namespace: 'default', name: pod, annotations };
    const ref = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: pod };
    const body = { apiVersion: 'v1', kind: 'Pod', metadata };
    await this.#client.patch(ref, { type: 'apply', body, manager: 'raw' });
    await this.#client.create(resources.Event, {
      apiVersion: resources.Event.apiVersion,
      kind: 'Event',
      metadata: { namespace: 'default', name: `${pod}.raw` },
      regarding: ref,
      type: 'Normal',
      reason: 'PodNetworkAllocated',
      action: 'PodNetworkAllocated',
      note: `ip=${address} mac=${mac}`,
      reportingController: 'raw',
      reportingInstance: 'raw',
      eventTime: new Date().toISOString().replace('Z', '000Z'),
    });
  }
}

/** `npm run bench -- api`. */
export async function apiFigures(note: Note): Promise<Figure[]> {
  note('api: a kube-apiserver, an ovsdb-server and the operator');
  // Stopped for a while, it must still lead when it is let go.
  const flags = ['--lease-duration=3600', '--lease-renew-deadline=3000'];
  const bed = await startBed({ api: 'real', nodes, flags });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(bed.kubeconfig);
  const client = new KubeClient({ kubeConfig, clock: systemClock });
  const control = new AbortController();
  try {
    const edge = new Edge(bed, client, await announced(client, control.signal));
    const rounds = await contest({ pairs, product: () => edge.product(), raw: () => edge.raw() });
    for (const { product, raw } of rounds) note(`${product[0]?.toFixed(1)} and ${raw[0]?.toFixed(1)} ms per pod`);
    const result = figure('pods through the writing edge', rounds, 50);
    return [
      {
        ...result,
        unit: 'ms/pod',
        limit: msPerPod,
        holds: Math.min(...rounds.flatMap(({ product }) => product)) <= msPerPod,
      },
    ];
  } finally {
    control.abort();
    client.close();
    await bed.stop();
  }
}
