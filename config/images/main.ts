/**
 * `node config/images/main.ts [--thin] [kubeloom|gateway|test|pause|coredns ...]`: builds the images (all but coredns, which takes
 * minutes and a Go compiler, when none is named) and prints one line for each: name, tar, digest. Progress goes to standard error.
 */
import { parseArgs } from 'node:util';
import { buildImages, imageNames } from './build.ts';
import type { ImageKey } from './build.ts';

const isImage = (text: string): text is ImageKey => Object.hasOwn(imageNames, text);

const { values, positionals } = parseArgs({ options: { thin: { type: 'boolean' } }, allowPositionals: true });
const unknown = positionals.filter((text) => !isImage(text));
if (unknown.length > 0) {
  process.stderr.write(`no such image: ${unknown.join(' ')} (there are ${Object.keys(imageNames).join(', ')})\n`);
  process.exitCode = 2;
} else {
  const named = positionals.filter(isImage);
  const only: readonly ImageKey[] = named.length > 0 ? named : ['kubeloom', 'gateway', 'test', 'pause'];
  const images = await buildImages({ thin: values.thin === true, only });
  for (const { name, tar, digest } of images) console.log(`${name}\t${tar}\t${digest}`);
}
