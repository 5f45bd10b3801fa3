// The bundle that the API server is given, and the keeper that looks after the certificate, with time in the test's hands.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../operator/kube/clock.ts';
import { bundle } from '../../../operator/webhook/ca-bundle.ts';
import { CertificateKeeper } from '../../../operator/webhook/certificate-keeper.ts';

const day = 86_400_000;

/** A CA that is good for so many days. */
const authority = (name: string, days: number): string => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', '/dev/null'];
  return execFileSync('openssl', ['req', '-x509', ...key, '-subj', `/CN=${name}`, '-days', String(days)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
};

describe('bundle', () => {
  const [old, older, own] = [authority('old', 20), authority('older', 40), authority('own', 40)];
  const now = Date.now();

  it('is the CA, and the one before it', () => {
    expect(bundle(own, '', now)).toBe(`${own}\n`);
    expect(bundle(own, `${own}\n`, now)).toBe(`${own}\n`);
    expect(bundle(own, `${old}\n`, now)).toBe(`${own}\n${old}\n`);
    expect(bundle(own, `${own}\n${old}\n`, now)).toBe(`${own}\n${old}\n`);
    expect(bundle(own, `${old}\n${older}\n`, now)).toBe(`${own}\n${old}\n`);
  });

  it('leaves out what has expired, and what is no certificate', () => {
    expect(bundle(own, `${old}\n${older}\n`, now + 30 * day)).toBe(`${own}\n${older}\n`);
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
    expect(bundle(own, `${broken}\nwords\n`, now)).toBe(`${own}\n`);
  });
});

describe('CertificateKeeper', () => {
  class Stopped implements Clock {
    readonly waits: { ms: number; run: () => void }[] = [];
    now(): number {
      return 0;
    }
    wall(): number {
      return 0;
    }
    random(): number {
      return 0;
    }
    after(ms: number, run: () => void): () => void {
      const wait = { ms, run };
      this.waits.push(wait);
      return () => void this.waits.splice(this.waits.indexOf(wait), 1);
    }
  }

  function kept(answers: readonly (string | Error)[]) {
    const clock = new Stopped();
    const [left, used, warned] = [[...answers], [] as string[], [] as object[]];
    const keeper = new CertificateKeeper({
      clock,
      log: {
        debug: () => undefined,
        info: () => undefined,
        warn: (fields) => warned.push(fields),
        error: () => undefined,
      },
      ensure: async () => {
        const next = left.shift();
        if (next === undefined || next instanceof Error) throw next ?? new Error('asked too often');
        return { cert: next, key: '' };
      },
      use: async ({ cert }) => void used.push(cert),
    });
    /** Ends the wait, if there is one, and tells how long the next is, in ms. */
    const turn = async (): Promise<number | undefined> => {
      const [wait] = clock.waits.splice(0);
      wait?.run();
      while (clock.waits.length === 0) await Promise.resolve();
      return clock.waits[0]?.ms;
    };
    return { keeper, used, warned, turn, clock };
  }

  it('uses each new certificate once, and looks every minute', async () => {
    const { keeper, used, turn } = kept(['a', 'a', 'b']);
    expect(keeper.trouble).toBe('no certificate yet');
    keeper.start();
    expect([await turn(), await turn(), await turn()]).toEqual([60_000, 60_000, 60_000]);
    expect([used, keeper.trouble]).toEqual([['a', 'b'], undefined]);
  });

  it('looks again soon after a failure, says so once, and goes on with what it has', async () => {
    const down = new Error('no answer');
    const { keeper, used, warned, turn } = kept(['a', down, down, 'b']);
    keeper.start();
    expect([await turn(), await turn(), await turn()]).toEqual([60_000, 5_000, 5_000]);
    expect([used, keeper.trouble]).toEqual([['a'], undefined]);
    expect(warned).toHaveLength(1);
    expect(await turn()).toBe(60_000);
    expect(used).toEqual(['a', 'b']);
  });

  it('tells why there is none', async () => {
    const { keeper, turn } = kept([new Error('forbidden'), new Error('forbidden')]);
    keeper.start();
    expect(await turn()).toBe(5_000);
    expect(keeper.trouble).toBe('forbidden');
  });

  it('looks no more once it is stopped', async () => {
    const { keeper, clock } = kept(['a']);
    keeper.start();
    await keeper.stop();
    expect(clock.waits).toEqual([]);
  });
});
