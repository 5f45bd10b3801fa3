// Where policy modules with hook `ipam` stand: between a pod's demand and the allocator. They are asked while the pod has
// no address, all at once; the first in the order of names that decides counts. Until then the demand is kept back.
import { only } from '../api/refs.ts';
import type { Choice } from '../api/offer.ts';
import type { Answer, PolicyModuleRow } from '../api/policy-module.ts';
import type { Demand, Wish } from '../api/tables.ts';
import { matches } from '../../lib/graph/selector.ts';
import { questionKey } from './module-subject.ts';
import { type Asking, offerOf } from './offer.ts';
import type { Entry, WorldRead } from './reconciler.ts';

/** What a module says so far: nothing that counts, nothing yet, a choice, or why there shall be no address. */
type Opinion = 'none' | 'pending' | { readonly choice: Choice } | { readonly why: string };

/** A row of table `demand`, and beside it those of `offer` and `undecided`. */
export type Decision = readonly [ip: string, demand: Demand] | Entry;

/** What becomes of the demand of one interface of a pod. */
export function* decided(asking: Asking, read: WorldRead): Generator<Decision> {
  const { demand, pod } = asking;
  const modules = read.at('ipamModules', only);
  // What is assigned is never moved, whatever a module would say now; and what is kept for a pod is its own.
  if (modules.length === 0 || read.get('ip', demand.ip)) {
    yield demanded(demand);
    return;
  }
  const namespace = read.get('namespace', pod.meta.namespace);
  // Whom it selects is not known yet.
  if (!namespace) return;
  const podLabels = read.get('labelled', `${pod.meta.namespace}/${pod.meta.name}`)?.labels ?? {};
  const selecting = modules
    .filter((module) => matches(module.namespaces, namespace.meta.labels) && matches(module.pods, podLabels))
    .toSorted((a, b) => (a.meta.name < b.meta.name ? -1 : 1));
  yield* concluded(yield* opinions(asking, selecting, read), demand);
}

/** Of the first that has one. */
function* opinions(
  asking: Asking,
  modules: readonly PolicyModuleRow[],
  read: WorldRead,
): Generator<Entry, { readonly module: string; readonly opinion: Opinion }> {
  const said: { module: string; opinion: Opinion }[] = [];
  for (const module of modules) {
    const { name } = module.meta;
    const state = read.get('moduleState', name);
    const input = offerOf(asking, state?.at === 'ready' ? state.inputs : [], read);
    if (!input) break;
    if (state?.at === 'ready') {
      const key = questionKey(name, input);
      yield { entry: 'offer', key, value: { module: name, namespace: asking.demand.namespace, input } };
      said.push({ module: name, opinion: opinionOf(module, read.get('answer', key)) });
    } else {
      const missing = state ? `it is not run: ${state.message}` : undefined;
      said.push({ module: name, opinion: without(module, missing) });
    }
  }
  return said.find(({ opinion }) => opinion !== 'none') ?? { module: '', opinion: 'none' };
}

function opinionOf(module: PolicyModuleRow, answer: Answer | undefined): Opinion {
  if (module.isShadow) return 'none';
  if (!answer || 'rules' in answer) return 'pending';
  if ('failure' in answer) return without(module, `it gives no answer: ${answer.failure}`);
  const { choice } = answer;
  if (choice.denied !== undefined) return { why: choice.denied };
  return Object.keys(choice).length > 0 ? { choice } : 'none';
}

/** As its failurePolicy says; without a message it is being loaded. */
function without({ failsClosed, isShadow }: PolicyModuleRow, message: string | undefined): Opinion {
  if (!failsClosed || isShadow) return 'none';
  return message === undefined ? 'pending' : { why: message };
}

function* concluded(
  { module, opinion }: { readonly module: string; readonly opinion: Opinion },
  demand: Demand,
): Generator<Decision> {
  if (opinion === 'pending') return;
  if (opinion === 'none') yield demanded(demand);
  else if ('choice' in opinion) yield demanded(narrowed(demand, opinion.choice));
  else {
    const { ip, subnets } = demand;
    yield { entry: 'undecided', key: ip, value: { ip, subnets, message: `policy module ${module}: ${opinion.why}` } };
  }
}

const demanded = (demand: Demand): Decision => [demand.ip, demand];

/** The order of preference is the module's. What it chose was in the offer: that was seen to when it answered. */
function narrowed({ wish = {}, ...demand }: Demand, { subnets = demand.subnets, pools, addresses }: Choice): Demand {
  const { fixed, pools: asked, ...rest } = wish;
  const now: Wish = {
    ...rest,
    ...(fixed && { fixed }),
    ...(asked && !addresses && { pools: asked }),
    ...(pools && { pools }),
    ...(addresses && { fixed: addresses }),
  };
  return { ...demand, subnets, ...(Object.keys(now).length > 0 && { wish: now }) };
}
