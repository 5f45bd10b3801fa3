import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { backoff } from '../../../lib/ovsdb/backoff.ts';
import { dialReusing, parseRemote } from '../../../lib/ovsdb/remote.ts';

describe('parseRemote', () => {
  it.each([
    ['unix:/run/openvswitch/db.sock', { transport: 'unix', path: '/run/openvswitch/db.sock' }],
    ['unix:a:b', { transport: 'unix', path: 'a:b' }],
    ['tcp:192.0.2.1:6641', { transport: 'tcp', host: '192.0.2.1', port: 6641 }],
    ['tcp:db.example', { transport: 'tcp', host: 'db.example', port: 6640 }],
    ['ssl:[2001:db8::1]:6641', { transport: 'ssl', host: '2001:db8::1', port: 6641 }],
    ['ssl:[fe80::1%eth0]', { transport: 'ssl', host: 'fe80::1%eth0', port: 6640 }],
  ])('reads %s', (text, remote) => {
    expect(parseRemote(text)).toEqual(remote);
  });

  it.each([
    '',
    'unix:',
    'tcp:',
    'tcp:::1:6641',
    'tcp:[::1',
    'tcp:a:b',
    'tcp:a:0',
    'tcp:a:65536',
    'udp:a:1',
    'ptcp:6640',
    'a',
  ])('refuses %j', (text) => {
    expect(() => parseRemote(text)).toThrow(RangeError);
  });
});

describe('dialReusing', () => {
  it('loses nothing to a listener that comes late, and ends with its peer', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'remote-'));
    onTestFinished(async () => await rm(directory, { recursive: true }));
    const path = join(directory, 'sock');
    const server = createServer((peer) => {
      peer.write('first');
      peer.on('data', (asked) => peer.end(asked));
    }).listen(path);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const stream = await dialReusing(`unix:${path}`, undefined, AbortSignal.timeout(5000));
    // Bytes that come while nobody listens; without a reader a socket waits in its buffer, so its length tells.
    while (stream.readableLength === 0) await once(stream, 'readable');
    const heard: string[] = [];
    stream.removeAllListeners('readable').on('data', (chunk: Uint8Array) => heard.push(Buffer.from(chunk).toString()));
    stream.resume().write('second');
    await once(stream, 'end');
    expect(heard.join('')).toBe('firstsecond');
  });
});

describe('backoff', () => {
  const options = { first: 50, most: 400, random: () => 0.5 };
  it('goes through all remotes at once, then waits longer after each round, up to the limit', () => {
    const pauses = Array.from({ length: 16 }, (_, attempt) => backoff(attempt, 3, options));
    expect(pauses).toEqual([0, 0, 0, 37.5, 0, 0, 75, 0, 0, 150, 0, 0, 300, 0, 0, 300]);
  });

  it('stays between half of the pause and all of it', () => {
    expect(backoff(1, 1, { ...options, random: () => 0 })).toBe(25);
    expect(backoff(1, 1, { ...options, random: () => 0.999999 })).toBeCloseTo(50, 3);
    expect(backoff(2000, 1, options)).toBe(300);
  });
});
