/**
 * `node config/images/main.ts [--thin] [kubeloom|test|pause ...]`: builds the images and prints one line for each: name, tar,
 * digest. Progress goes to standard error.
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
  const only = positionals.filter(isImage);
  const images = await buildImages({ thin: values.thin === true, ...(only.length > 0 && { only }) });
  for (const { name, tar, digest } of images) console.log(`${name}\t${tar}\t${digest}`);
}
