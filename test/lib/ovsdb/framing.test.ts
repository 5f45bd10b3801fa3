import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { ProtocolError } from '../../../lib/ovsdb/errors.ts';
import { FrameReader } from '../../../lib/ovsdb/framing.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

/** All messages of a stream that arrives in these chunks. */
function read(chunks: readonly Uint8Array[], maxMessage = 1 << 20): unknown[] {
  const messages: unknown[] = [];
  const reader = new FrameReader(maxMessage, (message) => messages.push(message));
  for (const chunk of chunks) reader.push(chunk);
  return messages;
}

/** Cuts a buffer at the given places, in any order and with repetitions (empty chunks). */
function cut(stream: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (stream.length + 1)), stream.length].sort((a, b) => a - b);
  return ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end));
}

function failureOf(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('FrameReader', () => {
  it('finds the same messages however the stream is split', () => {
    // JSON has no -0, and integers beyond 2^53 have a test of their own.
    const exact = (_: string, value: unknown): unknown =>
      Number.isInteger(value) && !Number.isSafeInteger(value) ? 0 : value;
    const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value), exact) as unknown);
    const messages = fc.array(json.map((params) => ({ params })));
    fc.assert(
      fc.property(messages, fc.array(fc.nat()), fc.constantFrom('', '\n', ' \t\r\n'), (sent, places, between) => {
        const stream = bytes(sent.map((message) => JSON.stringify(message)).join(between));
        expect(read(cut(stream, places))).toEqual(sent);
      }),
      { numRuns: 300 },
    );
  });

  it('finds the messages byte by byte, through quotes, escapes and brackets in strings', () => {
    const sent = [{ a: '"}]' }, { b: ['\\', '\\"{', { c: 'ß\u{1f600}' }] }, {}];
    const stream = bytes(sent.map((message) => JSON.stringify(message)).join(''));
    expect(read(Array.from(stream, (_, index) => stream.subarray(index, index + 1)))).toEqual(sent);
  });

  it('keeps nothing of a chunk, which the socket fills anew', () => {
    const sent = [{ a: 'one' }, { b: ['two', '\u{1f600}'] }];
    const stream = bytes(sent.map((message) => JSON.stringify(message)).join(''));
    const messages: unknown[] = [];
    const reader = new FrameReader(1 << 20, (message) => messages.push(message));
    const buffer = new Uint8Array(5);
    for (let at = 0; at < stream.length; at += buffer.length) {
      const part = stream.subarray(at, at + buffer.length);
      buffer.set(part);
      reader.push(buffer.subarray(0, part.length));
      buffer.fill(0);
    }
    expect(messages).toEqual(sent);
  });

  it.each([
    ['text', 'hello'],
    ['an array', '[1]'],
    ['a closing brace', '}'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n'],
    ['text after a message', '{}x'],
    ['brackets that do not match', '{"a":[}]'],
    ['what is no JSON between brackets', '{a}'],
    ['a raw control character', '{"a":"\u0001"}'],
    ['a control character before the end of its string', '{"a":"\u0001'],
    ['an escaped control character', '{"a":"\\\u0000"'],
  ])('ends with a protocol error at %s', (_, text) => {
    expect(() => read([bytes(text)])).toThrow(ProtocolError);
  });

  it('refuses what is not UTF-8', () => {
    expect(() => read([Buffer.concat([bytes('{"a":"'), Buffer.from([0xff]), bytes('"}')])])).toThrow('not UTF-8');
  });

  it('never throws anything but a protocol error, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
        expect(failureOf(() => read([bytes('{"a":'), ...chunks]))).toSatisfy(
          (error) => error === undefined || error instanceof ProtocolError,
        );
      }),
    );
  });

  it('refuses a message that is too long as soon as it is, and takes many that are not', () => {
    const long = bytes(`{"a":"${'x'.repeat(100)}`);
    expect(() => read([long.subarray(0, 60), long.subarray(60)], 64)).toThrow('exceeds 64 bytes');
    const short = bytes('{"a":1}'.repeat(100));
    expect(read([short], 64)).toHaveLength(100);
  });

  it.each([
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775808', -9223372036854775808n],
    ['0.1234567890123456', 0.1234567890123456],
    ['1e300', 1e300],
    ['12345678901234567.5', 12345678901234568],
  ])('reads the number %s exactly, also when it is split', (text, value) => {
    const stream = bytes(`{"a":[${text}],"b":"12345678901234567890"}{"c":1}`);
    const places = fc.array(fc.nat());
    fc.assert(
      fc.property(places, (at) => {
        expect(read(cut(stream, at))).toEqual([{ a: [value], b: '12345678901234567890' }, { c: 1 }]);
      }),
    );
  });

  it('refuses an escaped control character also when it is split', () => {
    expect(() => read([bytes('{"a":"\\'), bytes('\u0000"}')])).toThrow('a control character in a string');
  });

  it('takes what is nested 1,000 deep, and nothing deeper', () => {
    const nested = (depth: number): Buffer => bytes(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);
    expect(read([nested(1000)])).toHaveLength(1);
    expect(() => read([nested(1001)])).toThrow('nested more than 1000 deep');
    expect(() => read([bytes('{"a":'), ...Array.from({ length: 1000 }, () => bytes('['))])).toThrow(ProtocolError);
  });

  it('says whether a message is under way', () => {
    const reader = new FrameReader(100, () => undefined);
    reader.push(bytes('{}'));
    expect(reader.idle).toBe(true);
    reader.push(bytes('{"a'));
    expect(reader.idle).toBe(false);
  });
});
