import { describe, expect, it } from 'vitest';
import type { Owner } from '../../../lib/delta/fact.ts';
import type { PortItem } from '../../../operator/plan/item.ts';
import { PlanStore } from '../../../operator/plan/store.ts';
import { encoded, PlanStream, type ToAgent } from '../../../operator/plan/stream.ts';

const port = (name: string, announced = false): PortItem => ({
  kind: 'port',
  pod: { namespace: 'a', name, uid: 'u' },
  provider: 'ovn',
  ifname: '',
  ifaceId: `${name}.a`,
  subnet: 'ovn-default',
  mac: '02:00:00:00:00:01',
  addresses: ['10.16.0.2/16'],
  gateways: ['10.16.0.1'],
  routes: [],
  defaultRoute: true,
  mtu: 0,
  nicType: 'veth-pair',
  nodeNetwork: '',
  wire: '',
  announced,
  probes: [],
});

interface Setting {
  readonly store: PlanStore;
  readonly sent: ToAgent[];
  readonly stream: PlanStream;
  readonly put: (this: void, items: readonly PortItem[]) => void;
  room: number;
}

function setting(): Setting {
  const store = new PlanStore(() => undefined);
  const sent: ToAgent[] = [];
  const state = { room: Number.POSITIVE_INFINITY };
  const stream = new PlanStream(store, 'n1', {
    write(message) {
      sent.push(message);
      state.room -= 1;
      return state.room > 0;
    },
  });
  return {
    store,
    sent,
    stream,
    put(items) {
      const owner = 'Pod/a/x' as Owner;
      store.replace(
        'pod',
        items.map((item) => ({ plan: item.pod.name, span: new Set(['n1']), item, owner })),
      );
      store.flush();
    },
    get room() {
      return state.room;
    },
    set room(value) {
      state.room = value;
    },
  };
}

const names = (messages: readonly ToAgent[]): string[] => messages.flatMap((message) => Object.keys(message));

describe('PlanStream', () => {
  it('sends Init and the items, and InitDone only when the gate opens', () => {
    const { sent, stream, put } = setting();
    put([port('x'), port('y')]);
    stream.start(7);
    expect(names(sent)).toEqual(['init', 'apply', 'apply']);
    expect(sent[0]).toEqual({ init: { version: 1, epoch: '7' } });
    stream.openGate();
    expect(sent.at(-1)).toEqual({ init_done: { revision: '1' } });
  });

  it('closes each batch of changes with its revision', () => {
    const { sent, stream, put } = setting();
    stream.openGate();
    stream.start(1);
    put([port('x')]);
    put([]);
    expect(names(sent)).toEqual(['init', 'init_done', 'apply', 'revision', 'delete', 'revision']);
  });

  it('collapses what waits for a slow agent, and closes no revision before all of it is out', () => {
    const world = setting();
    world.stream.openGate();
    world.stream.start(1);
    world.room = 1;
    world.put([port('x')]);
    world.put([port('x', true), port('y')]);
    world.put([port('x'), port('y'), port('z')]);
    world.put([port('x', true), port('z')]);
    expect(names(world.sent)).toEqual(['init', 'init_done', 'apply']);
    world.room = Number.POSITIVE_INFINITY;
    world.stream.drained();
    expect(names(world.sent).slice(3).toSorted()).toEqual(['apply', 'apply', 'delete', 'revision']);
    expect(world.sent.at(-1)).toEqual({ revision: { revision: '4' } });
  });

  it('says nothing after its end', () => {
    const { sent, stream, put } = setting();
    stream.start(1);
    stream.end();
    put([port('x')]);
    expect(names(sent)).toEqual(['init']);
  });

  it('spells items as proto/plan.proto does', () => {
    expect(encoded(port('x', true))).toMatchObject({
      port: { iface_id: 'x.a', default_route: true, nic_type: 'veth-pair', pod: { namespace: 'a' }, announced: true },
    });
  });
});
