import { describe, expect, it } from 'vitest';
import type { ToAgent__Output } from '../../proto/kubeloom/plan/v1/ToAgent.gen.ts';
import { NO_PLAN, parsePlan } from '../../agent/plan-file.ts';
import { PlanRefused, PlanState } from '../../agent/plan-state.ts';
import { PlanTables } from '../../agent/tables.ts';

const init = (epoch: string, version = 1): ToAgent__Output => ({ init: { version, epoch } });
const peer = (name: string, ...internal_ips: string[]): ToAgent__Output => ({
  apply: { key: `peer/${name}`, item: { peer: { name, internal_ips } } },
});
const gone = (key: string): ToAgent__Output => ({ delete: { key } });
const done = (revision: string): ToAgent__Output => ({ init_done: { revision } });
const revision = (text: string): ToAgent__Output => ({ revision: { revision: text } });

function fed(...messages: readonly ToAgent__Output[]): { state: PlanState; tables: PlanTables; keys: () => string[] } {
  const tables = new PlanTables();
  const state = new PlanState(tables, NO_PLAN);
  for (const message of messages) state.take(message);
  return { state, tables, keys: () => [...tables.entries()].map(([key]) => key).sort() };
}

describe('PlanState', () => {
  it('is complete from InitDone on, and consistent at each revision', () => {
    const { state, keys } = fed(init('3'), peer('a', '192.0.2.1'));
    expect([state.complete, state.epoch]).toEqual([false, '3']);
    expect(state.take(done('7'))).toBe(true);
    expect([state.complete, state.revision]).toEqual([true, '7']);
    expect(state.take(peer('b', '192.0.2.2'))).toBe(false);
    expect(state.take(gone('peer/a'))).toBe(false);
    expect(state.take(revision('9'))).toBe(true);
    expect([state.revision, keys()]).toEqual(['9', ['peer/b']]);
  });

  it('removes what it did not hear again only at InitDone', () => {
    const { state, keys } = fed(init('1'), peer('a'), peer('b'), done('1'));
    state.cut();
    state.take(init('1'));
    state.take(peer('b'));
    expect(keys()).toEqual(['peer/a', 'peer/b']);
    state.cut();
    expect(keys()).toEqual(['peer/a', 'peer/b']);
    for (const message of [init('1'), peer('b'), peer('c'), gone('peer/c'), done('2')]) state.take(message);
    expect(keys()).toEqual(['peer/b']);
  });

  it('refuses an older epoch and a newer protocol, and keeps what it has', () => {
    const { state, keys } = fed(init('5'), peer('a'), done('1'));
    state.cut();
    expect(() => state.take(init('4'))).toThrow(PlanRefused);
    expect(() => state.take(init('6', 2))).toThrow(PlanRefused);
    expect([state.epoch, keys()]).toEqual(['5', ['peer/a']]);
    // Nor is anything that follows such an Init, in the stream that was followed until then.
    for (const message of [init('5'), peer('a'), done('2')]) state.take(message);
    expect(() => state.take(init('4'))).toThrow(PlanRefused);
    for (const message of [peer('b'), gone('peer/a'), done('3'), revision('4')])
      expect(() => state.take(message)).toThrow(PlanRefused);
    expect([state.revision, keys()]).toEqual(['2', ['peer/a']]);
    state.cut();
    state.take(init('18446744073709551615'));
    expect(state.epoch).toBe('18446744073709551615');
  });

  it('refuses a stream that does not begin with Init', () => {
    expect(() => fed(peer('a'))).toThrow(PlanRefused);
    expect(() => fed(done('1'))).toThrow(PlanRefused);
  });

  it('keeps the old item when the new one is malformed, and says so until it is mended', () => {
    const { state, tables } = fed(init('1'), peer('a', '192.0.2.1'), done('1'), peer('a', 'x'));
    expect(state.malformed).toEqual([{ key: 'peer/a', message: 'internal IP: not valid: x' }]);
    expect(tables.get('peer/a')).toMatchObject({ internalIps: ['192.0.2.1'] });
    state.take(peer('a', '192.0.2.2'));
    expect(state.malformed).toEqual([]);
  });

  it('ignores items of kinds and messages that it does not know', () => {
    const { state, keys } = fed(init('1'), { apply: { key: 'new/x', item: {} } }, {}, done('1'));
    expect([keys(), state.malformed]).toEqual([[], []]);
  });
});

describe('PlanTables', () => {
  const portItem = (
    uid: string,
    announced: boolean,
    { ifname = '', mac = '00:00:00:00:00:01' } = {},
  ): ToAgent__Output => ({
    apply: {
      key: `port/${uid}/${ifname}`,
      item: {
        port: {
          pod: { namespace: 'ns', name: 'p', uid },
          provider: 'ovn',
          ifname,
          iface_id: 'p.ns',
          subnet: 's',
          mac,
          addresses: ['10.16.0.5/16'],
          gateways: ['10.16.0.1'],
          routes: [],
          default_route: true,
          mtu: 0,
          nic_type: 'veth-pair',
          node_network: '',
          wire: '',
          announced,
          probes: [],
        },
      },
    },
  });
  const query = (uid: string, ifname = 'eth0'): Parameters<PlanTables['port']>[0] => ({
    namespace: 'ns',
    name: 'p',
    uid,
    provider: 'ovn',
    ifname,
  });

  it('wakes who waits for a pod of its uid, and nobody else', async () => {
    const { state, tables } = fed(init('1'));
    const waiting = tables.portWhen(query('new'), new AbortController().signal, ({ announced }) => announced);
    let found = false;
    void waiting.then(() => (found = true));
    for (const message of [portItem('old', true), portItem('new', false)]) state.take(message);
    await Promise.resolve();
    expect(found).toBe(false);
    state.take(portItem('new', true));
    expect(await waiting).toMatchObject({ pod: { uid: 'new' } });
    expect(tables.port(query(''))).toMatchObject({ pod: { uid: 'new' } });
    expect(tables.port(query('other'))).toBeUndefined();
  });

  it('tells interfaces of one provider by their names, where items name them', () => {
    const { state, tables } = fed(init('1'), portItem('u', true));
    expect([tables.port(query('u', 'net1'))?.ifname, tables.port(query('u', 'net2'))?.ifname]).toEqual(['', '']);
    state.take(portItem('u', true, { ifname: 'net2' }));
    expect(tables.port(query('u', 'net1'))?.ifname).toBe('');
    expect(tables.port(query('u', 'net2'))?.ifname).toBe('net2');
    state.take(gone('port/u/'));
    expect(tables.port(query('u', 'net1'))).toBeUndefined();
  });

  it('has gateways, whose words may become words of commands', () => {
    const forward = {
      protocol: 'tcp',
      address: '192.0.2.5',
      port: 80,
      target: '10.96.0.10',
      sources: ['192.0.2.7/24'],
    };
    const gateway = (key: string, changes: object): ToAgent__Output => {
      const item = {
        pod: { namespace: 'a', name: 'p', uid: 'u' },
        iface_id: 'p.a',
        ifname: 'net1',
        addresses: ['192.0.2.5/24'],
        gateways: ['192.0.2.254'],
        inner_ifname: 'eth0',
        inner_gateways: ['10.16.0.1'],
        forwards: [forward],
        ...changes,
      };
      return { apply: { key, item: { gateway: item } } };
    };
    const { state, tables } = fed(
      init('1'),
      gateway('gateway/a', {}),
      gateway('gateway/b', { ifname: 'net1; reboot' }),
      gateway('gateway/c', { forwards: [{ ...forward, protocol: 'icmp' }] }),
      gateway('gateway/d', { forwards: [{ ...forward, target: '$(reboot)' }] }),
      gateway('gateway/e', { pod: null }),
    );
    expect(tables.gateways().map(({ key }) => key)).toEqual(['gateway/a']);
    expect(tables.gateways()[0]?.item.forwards).toEqual([{ ...forward, sources: ['192.0.2.0/24'] }]);
    expect(state.malformed.map(({ message }) => message)).toEqual([
      'interface: not valid: net1; reboot',
      'protocol: not valid: icmp',
      'target: not valid: $(reboot)',
      'gateway without pod',
    ]);
    expect(tables.gateways()).toBe(tables.gateways());
  });

  it('has ports without a MAC, whose interface is made by another plugin, and none with a malformed one', () => {
    const { state, tables } = fed(
      init('1'),
      portItem('foreign', true, { mac: '' }),
      portItem('wrong', true, { mac: '00:01' }),
      done('1'),
    );
    expect(tables.port(query('foreign'))).toMatchObject({ mac: '', addresses: ['10.16.0.5/16'] });
    expect(state.malformed).toEqual([{ key: 'port/wrong/', message: 'mac: not valid: 00:01' }]);
  });

  it('ends a wait with the reason of its signal', async () => {
    const abort = new AbortController();
    const waiting = fed().tables.portWhen(query(''), abort.signal, () => true);
    abort.abort(new Error('too late'));
    await expect(waiting).rejects.toThrow('too late');
  });
});

describe('parsePlan', () => {
  it.each([
    '',
    '{',
    '[]',
    '{"format":2}',
    '{"format":1,"items":{},"epoch":"1"}',
    '{"format":1,"items":[],"epoch":"x"}',
  ])('takes %s for none', (text) => {
    expect(parsePlan(text)).toEqual(NO_PLAN);
  });
});
