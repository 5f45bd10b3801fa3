import { describe, expect, it } from 'vitest';
import { debianArchive } from './rootfs.ts';

describe('debianArchive', () => {
  it.each([
    [
      'the archive of Debian',
      'http://a.test/security main Debian-Security\nhttp://b.test/debian main Debian\n',
      'http://b.test/debian',
    ],
    ['before the lists are there', 'http://c.test/apt main \nhttp://b.test/debian main \n', 'http://b.test/debian'],
    ['not a repository of others', 'http://c.test/apt main Others\nhttp://b.test/debian contrib Debian\n', undefined],
    ['nothing', '', undefined],
  ])('%s', (_, targets, expected) => expect(debianArchive(targets)).toBe(expected));
});
