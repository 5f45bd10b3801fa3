import { describe, expect, it } from 'vitest';
import { echoOf, Verdict } from '../../agent/verdict.ts';

/** `+` an answer, `.` none, in the order of the requests. */
function after(history: string, verdict = new Verdict(), from = 0): Verdict {
  for (const [at, sign] of history.split('').entries()) verdict.hear({ seq: from + at + 1, answered: sign === '+' });
  return verdict;
}

describe('echoOf', () => {
  it.each([
    ['64 bytes from 100.64.0.3: icmp_seq=7 ttl=63 time=0.412 ms', { seq: 7, answered: true }],
    ['64 bytes from fd00:100:64::3: icmp_seq=1 ttl=63 time=0.4 ms', { seq: 1, answered: true }],
    ['no answer yet for icmp_seq=8', { seq: 8, answered: false }],
    ['From 100.64.0.2 icmp_seq=9 Destination Host Unreachable', { seq: 9, answered: false }],
    ['PING 100.64.0.3 (100.64.0.3) 56(84) bytes of data.', undefined],
  ])('%s', (line, echo) => {
    expect(echoOf(line)).toEqual(echo);
  });
});

describe('a verdict', () => {
  it.each([
    ['', undefined],
    ['+', false],
    ['..', undefined],
    ['...', true],
    ['+..', false],
    ['+...', true],
    ['+..+..', false],
    ['+...++++', true],
    ['+...+++++', false],
    ['+...++++.+', true],
    // The second time it takes longer.
    ['+...+++++...+++++', true],
    ['+...+++++...++++++++++', false],
  ])('%s: %s', (history, lost) => {
    expect(after(history).lost).toBe(lost);
  });

  it('takes at most a minute, and forgets after five', () => {
    const often = '+...'.padEnd(4 + 60, '+').repeat(6);
    expect(after(`${often}...${'+'.repeat(59)}`).lost).toBe(true);
    expect(after(`${often}...${'+'.repeat(60)}`).lost).toBe(false);
    expect(after(`${often}${'+'.repeat(300)}...+++++`).lost).toBe(false);
  });

  it('counts an answer that comes late', () => {
    const verdict = after('+..');
    verdict.hear({ seq: 3, answered: true });
    expect(after('..', verdict, 3).lost).toBe(false);
  });

  it('in doubt, what was lost is lost after one more request without an answer', () => {
    const lost = after('+...');
    lost.doubt();
    expect(lost.lost).toBeUndefined();
    expect(after('.', lost, 4).lost).toBe(true);
    lost.doubt();
    expect(after('+', lost, 5).lost).toBe(false);
    const fine = after('+');
    fine.doubt();
    expect(fine.lost).toBe(false);
  });

  it('begins to count anew with another ping', () => {
    const verdict = after('+++++');
    verdict.restarted();
    expect(verdict.fresh).toBe(false);
    expect(after('..', verdict).lost).toBe(false);
    expect(after('...', verdict).lost).toBe(true);
  });
});
