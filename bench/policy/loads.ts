// What is loaded: clusters of the shapes that Antrea's controller is measured with, as objects of the API, and the one of
// the goals for single events.
import { addressOf } from './scene.ts';
import type { PolicyScene } from './scene.ts';

/** Enters one object. */
type Enter = (scene: PolicyScene) => void;

export interface Load {
  readonly name: string;
  /** In the order in which lists bring them. */
  readonly objects: () => Enter[];
  /** Milliseconds that it may take. */
  readonly limit: number;
  /** Megabytes that it may hold. */
  readonly megabytes?: number;
  /** What Antrea takes on such a machine, milliseconds. */
  readonly peer?: number;
}

const labelled = (labels: Readonly<Record<string, string>>): object => ({ podSelector: { matchLabels: labels } });

function* smallNamespaces(count: number): Generator<Enter> {
  for (let at = 0; at < count; at++) yield (scene) => scene.namespace(`ns-${at}`);
  for (let at = 0; at < count * 4; at++) {
    const [home, pod] = [Math.floor(at / 4), at % 4];
    const labels = { app: `app-${pod % 2}`, tier: pod < 2 ? 'a' : 'b' };
    yield (scene) => scene.pod(`ns-${home}`, `pod-${pod}`, { labels, address: addressOf(at) });
  }
  const [first, second] = [labelled({ app: 'app-0' }), labelled({ app: 'app-1' })];
  const specs = [
    { ...first, policyTypes: ['Ingress'], ingress: [{ from: [second], ports: [{ port: 80 }] }] },
    { ...second, policyTypes: ['Ingress'], ingress: [{ from: [first], ports: [{ port: 80 }] }] },
    { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [{ podSelector: {} }] }] },
  ];
  for (let at = 0; at < count; at++)
    for (const [index, spec] of specs.entries()) yield (scene) => scene.policy(`ns-${at}`, `policy-${index}`, spec);
}

function* oneNamespace(count: number): Generator<Enter> {
  yield (scene) => scene.namespace('all');
  for (let at = 0; at < count; at++)
    yield (scene) => scene.pod('all', `pod-${at}`, { labels: { app: 'x' }, address: addressOf(at) });
  const spec = { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] };
  for (let at = 0; at < count; at++) yield (scene) => scene.policy('all', `policy-${at}`, spec);
}

export const loads: Readonly<Record<string, Load>> = {
  namespaces: {
    name: '25,000 namespaces, 100,000 pods, 75,000 policies',
    objects: () => [...smallNamespaces(25_000)],
    limit: 3000,
    megabytes: 1000,
    peer: 14_100,
  },
  'one-namespace': {
    name: '10,000 pods, 10,000 policies that select all',
    objects: () => [...oneNamespace(10_000)],
    limit: 1000,
    peer: 10_500,
  },
};
