// No subnet overlaps the ranges of the settings, which are in use elsewhere: offices, other clusters.
//
// settings: {"ranges": ["10.200.0.0/16", "fd00:200::/32"]}
import { Cidr } from '@kubeloom/policy-sdk/assembly/net';
import { Value } from '@kubeloom/policy-sdk/assembly/admission';

export function validate(settings: Value): string {
  const ranges = settings.get('ranges');
  if (!ranges.isList || ranges.length == 0) return 'ranges: a list of prefixes is needed';
  for (let at = 0; at < ranges.length; at++) {
    const text = ranges.at(at).text();
    if (Cidr.parse(text) === null) return `ranges: ${ranges.at(at).toString()} is not a prefix`;
  }
  return '';
}

export function evaluate(input: Value, settings: Value): string {
  if (input.get('kind').text() != 'Subnet' || input.get('operation').text() == 'DELETE') return '';
  const blocks = input.get('object').get('spec').get('cidrBlock').text().split(',');
  for (let at = 0; at < blocks.length; at++) {
    // What is no prefix is refused by others, with better words.
    const block = Cidr.parse(blocks[at].trim());
    if (block === null) continue;
    const range = overlapped(block, settings.get('ranges'));
    if (range.length > 0) return `cidrBlock ${blocks[at].trim()} overlaps ${range}, which is in use elsewhere`;
  }
  return '';
}

function overlapped(block: Cidr, ranges: Value): string {
  for (let at = 0; at < ranges.length; at++) {
    const range = Cidr.parse(ranges.at(at).text());
    if (range !== null && range.overlaps(block)) return ranges.at(at).text();
  }
  return '';
}
