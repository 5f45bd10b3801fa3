// The answer of `kubeloom why` for people: the verdict first, then each direction with what was asked on the way, and at
// last what is wrong with the rules themselves.
import { styleText } from 'node:util';
import { formatIp } from '../../lib/net/index.ts';
import type { Answer, Party } from './answer.ts';
import { arrives, type Course, type End, type Step } from './course.ts';
import type { Judgement } from './judge.ts';
import type { Backend } from './load-balancer.ts';
import type { Owner, Rule, Stage } from './rule.ts';
import type { Verdict, Way } from './verdict.ts';

export interface TextOptions {
  readonly colour: boolean;
}

type Colour = 'green' | 'red' | 'yellow' | 'bold';
type Paint = (colour: Colour, part: string) => string;

export function text(answer: Answer, { colour }: TextOptions): string {
  const paint: Paint = (format, part) => (colour ? styleText(format, part, { validateStream: false }) : part);
  const { verdict } = answer;
  const lines = [
    headline(answer, paint),
    ...verdict.ways.flatMap((way) => ['', ...wayLines(way, verdict.ways.length > 1, paint)]),
    ...problemLines(verdict, paint),
  ];
  return `${lines.join('\n')}\n`;
}

function headline({ from, to, protocol, port, verdict }: Answer, paint: Paint): string {
  const service = port === undefined ? protocol : `${protocol} ${port}`;
  const ends = `${partyText(from)} -> ${partyText(to)}, ${service}`;
  const some = verdict.ways.some(({ passes }) => passes);
  if (verdict.passes) return `${paint('green', 'PASSES')}  ${ends}`;
  return some ? `${paint('yellow', 'PASSES IN PART')}  ${ends}` : `${paint('red', 'DOES NOT PASS')}  ${ends}`;
}

const partyText = ({ what, address }: Party): string => (what === address ? what : `${what} (${address})`);

function wayLines({ backend, request, reply, passes }: Way, several: boolean, paint: Paint): string[] {
  const heading =
    several && backend !== undefined
      ? [paint('bold', `Backend ${placeText(backend)}${passes ? '' : ': does not pass'}`)]
      : [];
  return [...heading, ...courseLines('Request', request, paint), ...replyLines(request, reply, paint)];
}

function replyLines(request: Course, reply: Course | undefined, paint: Paint): string[] {
  if (reply !== undefined) return courseLines('Reply', reply, paint);
  return [
    request.end.kind === 'answered'
      ? 'Reply: from OVN itself, past all rules'
      : 'Reply: none, since the request does not arrive',
  ];
}

function courseLines(name: string, course: Course, paint: Paint): string[] {
  const colour = arrives(course) ? 'green' : 'red';
  return [`${name}: ${paint(colour, endText(course.end))}`, ...course.steps.flatMap((step) => stepLines(step, paint))];
}

function endText(end: End): string {
  switch (end.kind) {
    case 'delivered':
      return `arrives at port ${end.port.name}`;
    case 'left':
      return `leaves by port ${end.port.name}; what is beyond is not in the northbound database`;
    case 'answered':
      return 'answered by the DHCP server of OVN';
    case 'disabled':
      return `port ${end.port.name} is switched off`;
    case 'no-route':
      return `goes nowhere: ${end.why}`;
    default:
      return plainEnds[end.kind];
  }
}

const plainEnds = {
  dropped: 'is dropped',
  rejected: 'is rejected: the sender is told',
  'no-backend': 'is dropped: the virtual address has no backend',
} as const;

function stepLines(step: Step, paint: Paint): string[] {
  if (step.kind === 'load-balancing') return [`  load balancer ${step.vip.name}: ${balancedText(step)}`];
  const { judgement } = step;
  const colour = judgement.effect === 'allow' ? 'green' : 'red';
  return [
    `  ${stageTexts[step.stage]} port ${step.port} of switch ${step.switch}${afterTexts[step.stage]}: ${paint(colour, judgementText(judgement))}`,
    ...judgement.passed.flatMap((rule) => [`      passed on by ${ownerText(rule)}: ${ruleText(rule)}`]),
    ...(judgement.rule === undefined ? [] : [`      ${ruleText(judgement.rule)}`, `      ${judgement.rule.match}`]),
  ];
}

function balancedText({ vip, backend, hairpin }: Extract<Step, { kind: 'load-balancing' }>): string {
  const virtual = placeText(vip);
  if (backend === undefined) return `${virtual} has no backend`;
  const self = hairpin === undefined ? '' : `, which is the client itself: it comes back from ${formatIp(hairpin)}`;
  return `${virtual} -> ${placeText(backend)}${self}`;
}

const stageTexts: Readonly<Record<Stage, string>> = {
  'from-lport': 'from',
  'from-lport-after-lb': 'from',
  'to-lport': 'to',
};

const afterTexts: Readonly<Record<Stage, string>> = {
  'from-lport': ', before load balancing',
  'from-lport-after-lb': ', after load balancing',
  'to-lport': '',
};

function judgementText({ by, effect, rule }: Judgement): string {
  if (rule !== undefined) return `${rule.action} by ${ownerText(rule)}`;
  return { ...reasons, default: effect === 'allow' ? 'allowed, no rule matches' : 'drop, no rule matches' }[by];
}

const reasons = {
  rule: '',
  reply: 'allowed, as the reply of a known connection',
  invalid: 'drop, as the reply of no known connection',
  discovery: 'allowed, as all neighbour discovery',
} as const;

/** What a user knows of the rule: the object that wanted it, or where it hangs. */
const ownerText = ({ owner, on }: Rule): string =>
  owner === undefined ? `a rule of ${on.table} ${on.name}` : objectText(owner);

const objectText = ({ kind, namespace, name }: Owner): string =>
  `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;

function ruleText(rule: Rule): string {
  const name = rule.name === '' ? rule.uuid : rule.name;
  return `ACL ${name}, ${rule.action}, priority ${rule.priority} of tier ${rule.tier}, on ${rule.on.table} ${rule.on.name}`;
}

const placeText = ({ address, port }: Backend): string => {
  const ip = formatIp(address);
  if (port === 0) return ip;
  return address.family === 4 ? `${ip}:${port}` : `[${ip}]:${port}`;
};

function problemLines({ unreadable, ambiguous }: Verdict, paint: Paint): string[] {
  const problems = [
    ...unreadable.flatMap(({ rule, reason }) => [
      `OVN cannot read a rule of ${ownerText(rule)} and leaves it out: ${reason}`,
      `    ${ruleText(rule)}`,
      `    ${rule.match}`,
    ]),
    ...ambiguous.flatMap((rule) => [
      `${ownerText(rule)} has a rule of the same priority with another effect, and OVN does not say which one decides`,
      `    ${ruleText(rule)}`,
    ]),
  ];
  return problems.length === 0
    ? []
    : ['', ...problems.map((line) => (line.startsWith(' ') ? line : paint('yellow', `! ${line}`)))];
}
