import { describe, expect, it } from 'vitest';
import { CniError } from '../../../agent/cni/error.ts';
import { versionOf } from '../../../agent/cni/conf.ts';
import { parseRequest, splitBody } from '../../../agent/cni/request.ts';

const env = (extra: Readonly<Record<string, string>> = {}): Map<string, string> =>
  new Map(
    Object.entries({
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'abc',
      CNI_NETNS: '/run/netns/x',
      CNI_IFNAME: 'eth0',
      CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=p;K8S_POD_UID=u',
      ...extra,
    }),
  );

const stdin = (extra: object = {}): string =>
  JSON.stringify({ cniVersion: '1.0.0', name: 'n', type: 'kube-ovn', ...extra });

function codeOf(work: () => unknown): number | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof CniError ? error.code : -1;
  }
}

describe('parseRequest', () => {
  it('reads pod, provider and names', () => {
    expect(parseRequest(env(), stdin())).toMatchObject({
      command: 'ADD',
      containerId: 'abc',
      netns: '/run/netns/x',
      ifname: 'eth0',
      pod: { namespace: 'ns', name: 'p', uid: 'u' },
      conf: { provider: 'ovn', cniVersion: '1.0.0' },
      ipam: false,
    });
  });

  it('is an IPAM plugin for another type, with the keys of its own block', () => {
    const request = parseRequest(
      env(),
      stdin({
        type: 'macvlan',
        provider: 'x',
        ipam: { type: 'kube-ovn', provider: 'net1.default', routes: [{ dst: '1.0.0.0/8' }] },
      }),
    );
    expect(request).toMatchObject({ ipam: true, conf: { provider: 'net1.default', routes: [{ dst: '1.0.0.0/8' }] } });
  });

  it.each([
    ['an unknown command', { CNI_COMMAND: 'FOO' }, stdin(), 4],
    ['no container id', { CNI_CONTAINERID: '' }, stdin(), 4],
    ['a container id that is a path', { CNI_CONTAINERID: '../x' }, stdin(), 4],
    ['an interface name that is too long', { CNI_IFNAME: 'x'.repeat(16) }, stdin(), 4],
    ['an interface called ..', { CNI_IFNAME: '..' }, stdin(), 4],
    ['an interface with a slash', { CNI_IFNAME: 'a/b' }, stdin(), 4],
    ['no namespace', { CNI_NETNS: '' }, stdin(), 4],
    ['text that is not JSON', {}, '{', 6],
    ['an array', {}, '[]', 6],
    ['a version that we do not speak', {}, stdin({ cniVersion: '0.2.0' }), 1],
    ['CHECK before there was one', { CNI_COMMAND: 'CHECK' }, stdin({ cniVersion: '0.3.1' }), 1],
    ['GC before there was one', { CNI_COMMAND: 'GC' }, stdin({ cniVersion: '1.0.0' }), 1],
    ['STATUS before there was one', { CNI_COMMAND: 'STATUS' }, stdin({ cniVersion: '1.0.0' }), 1],
    ['a network without a name', {}, stdin({ name: undefined }), 7],
    ['a network with the name of a path', {}, stdin({ name: '../x' }), 7],
    ['a provider that is no text', {}, stdin({ provider: 5 }), 7],
    ['a route to nowhere', {}, stdin({ routes: [{ dst: 'x', gw: '10.0.0.1' }] }), 7],
    ['a route that is more than one line', {}, stdin({ routes: [{ dst: '10.0.0.0/8\nlink', gw: '10.0.0.1' }] }), 7],
    ['a gateway that is more than one line', {}, stdin({ routes: [{ dst: '10.0.0.0/8', gw: '10.0.0.1\nx' }] }), 7],
    ['a gateway of the other family', {}, stdin({ routes: [{ dst: '10.0.0.0/8', gw: 'fd00::1' }] }), 7],
    ['routes that are no list', {}, stdin({ routes: {} }), 7],
    ['a result with an address that is none', {}, stdin({ prevResult: { ips: [{ address: '10.0.0.1' }] } }), 7],
    ['a device of its own', {}, stdin({ deviceID: '0000:03:00.1' }), 2],
    ['a vhost-user socket', {}, stdin({ vhost_user_socket_volume_name: 'v' }), 2],
  ])('refuses %s', (_, extra, text, code) => {
    expect(codeOf(() => parseRequest(env(extra), text))).toBe(code);
  });

  it.each([
    ['DEL without a namespace', { CNI_COMMAND: 'DEL', CNI_NETNS: '' }, stdin()],
    [
      'STATUS without a container',
      { CNI_COMMAND: 'STATUS', CNI_CONTAINERID: '', CNI_IFNAME: '', CNI_NETNS: '' },
      stdin({ cniVersion: '1.1.0' }),
    ],
    [
      'VERSION without a configuration',
      { CNI_COMMAND: 'VERSION', CNI_CONTAINERID: '', CNI_IFNAME: '', CNI_NETNS: '' },
      '',
    ],
    [
      'DEL of a network that ADD refuses',
      { CNI_COMMAND: 'DEL' },
      stdin({ name: '', routes: 1, deviceID: 'x', ipam: 'x', provider: 5, prevResult: 7 }),
    ],
    ['a field that nobody knows', {}, stdin({ keyA: ['some more'], runtimeConfig: { portMappings: [] } })],
    ['a device for another plugin', {}, stdin({ type: 'sriov', deviceID: 'x', ipam: { type: 'kube-ovn' } })],
    ['VERSION with garbage', { CNI_COMMAND: 'VERSION' }, '\0{'],
    ['VERSION of a version that we do not speak', { CNI_COMMAND: 'VERSION' }, stdin({ cniVersion: '9.0.0' })],
  ])('takes %s', (_, extra, text) => {
    expect(codeOf(() => parseRequest(env(extra), text))).toBeUndefined();
  });

  it('names all variables that are wrong', () => {
    const wrong = env({ CNI_CONTAINERID: '', CNI_NETNS: 'relative', CNI_IFNAME: '' });
    expect(() => parseRequest(wrong, stdin())).toThrow(/CNI_CONTAINERID.*CNI_NETNS.*"relative".*CNI_IFNAME/);
  });

  it('writes routes as the kernel reads them', () => {
    const routes = [{ dst: '10.1.2.3/8' }, { dst: 'FD00:0::/64', gw: 'fd00::1' }];
    expect(parseRequest(env(), stdin({ routes })).conf.routes).toEqual([
      { dst: '10.0.0.0/8' },
      { dst: 'fd00::/64', gw: 'fd00::1' },
    ]);
  });

  it('reads what GC may keep, and tells none from an empty list', () => {
    const gc = (extra: object): unknown =>
      parseRequest(env({ CNI_COMMAND: 'GC' }), stdin({ cniVersion: '1.1.0', ...extra })).conf.validAttachments;
    const valid = [{ containerID: 'a', ifname: 'eth0' }];
    expect(gc({ 'cni.dev/valid-attachments': valid })).toEqual([{ containerId: 'a', ifname: 'eth0' }]);
    expect(gc({ 'cni.dev/attachments': valid })).toEqual([{ containerId: 'a', ifname: 'eth0' }]);
    expect(gc({ 'cni.dev/valid-attachments': [] })).toEqual([]);
    expect(gc({ 'cni.dev/valid-attachments': null })).toEqual([]);
    expect(gc({})).toBeUndefined();
    // An entry that cannot be read would be an attachment to remove.
    for (const list of [[{}], ['a'], [{ containerID: 'a' }], {}])
      expect(codeOf(() => gc({ 'cni.dev/valid-attachments': list }))).toBe(7);
  });
});

describe('splitBody', () => {
  it('keeps values with = and standard input with zeros', () => {
    const { env: got, stdin: text } = splitBody(Buffer.from('A=b=c\0B=\0\0{"x":\0}'));
    expect([...got]).toEqual([
      ['A', 'b=c'],
      ['B', ''],
    ]);
    expect(text).toBe('{"x":\0}');
  });

  it('refuses a body that is cut', () => {
    expect(codeOf(() => splitBody(Buffer.from('A=b\0C')))).toBe(5);
  });
});

describe('versionOf', () => {
  it.each([
    [stdin(), '1.0.0'],
    [stdin({ cniVersion: '7' }), '0.3.1'],
    ['', '0.3.1'],
  ])('%s', (text, version) => {
    expect(versionOf(text)).toBe(version);
  });
});
