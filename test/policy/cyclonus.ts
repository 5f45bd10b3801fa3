// The corpus of NetworkPolicy cases (corpora/README.md): each step is a whole world with the verdict of every pair.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Labels, NetworkPolicy, Protocol } from './api.ts';
import { emptyWorld } from './world.ts';
import type { ContainerPort, Pod, World } from './world.ts';

interface Line {
  readonly N: number;
  readonly Description: string;
  readonly Steps: readonly {
    readonly Namespaces: Readonly<Record<string, Labels>>;
    readonly Pods: readonly {
      readonly Ns: string;
      readonly Name: string;
      readonly IP: string;
      readonly Labels: Labels;
      readonly Ports: readonly string[];
    }[];
    readonly Policies: readonly NetworkPolicy[] | null;
    readonly Expected: readonly {
      readonly From: string;
      readonly To: string;
      readonly Proto: Protocol;
      readonly Port: number;
      readonly Ingress: 'allowed' | 'blocked';
      readonly Egress: 'allowed' | 'blocked';
      readonly Combined: 'allowed' | 'blocked';
    }[];
  }[];
}

export interface Case {
  readonly name: string;
  readonly steps: readonly CaseStep[];
}

export interface CaseStep {
  readonly world: World;
  readonly expected: readonly Expected[];
}

/** Pods by `<namespace>/<name>`. */
export interface Expected {
  readonly from: string;
  readonly to: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly ingress: boolean;
  readonly egress: boolean;
  readonly combined: boolean;
}

export const keyOf = ({ namespace, name }: Pick<Pod, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** All cases in the order of the file. Verdicts of a pod about itself are left out: see the README beside the file. */
export function cyclonus(): Case[] {
  const text = gunzipSync(readFileSync(join(import.meta.dirname, 'corpora/cyclonus.jsonl.gz'))).toString();
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
    .map(({ N, Description, Steps }) => ({ name: `${N} ${Description}`, steps: Steps.map(stepOf) }));
}

function stepOf({ Namespaces, Pods, Policies, Expected }: Line['Steps'][number]): CaseStep {
  return {
    world: {
      ...emptyWorld,
      namespaces: Object.entries(Namespaces).map(([name, labels]) => ({ name, labels })),
      nodes: [{ name: 'n1', labels: {}, addresses: ['172.31.0.1'] }],
      pods: Pods.map(podOf),
      networkPolicies: Policies ?? [],
    },
    expected: Expected.filter(({ From, To }) => From !== To).map((verdict) => ({
      from: verdict.From,
      to: verdict.To,
      protocol: verdict.Proto,
      port: verdict.Port,
      ingress: verdict.Ingress === 'allowed',
      egress: verdict.Egress === 'allowed',
      combined: verdict.Combined === 'allowed',
    })),
  };
}

const podOf = (pod: Line['Steps'][number]['Pods'][number]): Pod => ({
  namespace: pod.Ns,
  name: pod.Name,
  labels: pod.Labels,
  node: 'n1',
  containers: pod.Ports.map((port) => ({ ports: [portOf(port)] })),
  interfaces: [{ provider: 'ovn', subnet: 'ovn-default', addresses: [pod.IP] }],
});

/** `TCP/80/serve-80-tcp`. */
function portOf(text: string): ContainerPort {
  const [protocol, containerPort, name = ''] = text.split('/');
  return { protocol: protocol as Protocol, containerPort: Number(containerPort), name };
}
