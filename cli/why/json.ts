// The answer of `kubeloom why` for programs. Its shape is stable: fields are added, never renamed.
import { formatIp } from '../../lib/net/index.ts';
import type { Answer } from './answer.ts';
import { arrives, type Course, type End, type Step } from './course.ts';
import type { Backend } from './load-balancer.ts';
import type { Rule } from './rule.ts';
import type { Way } from './verdict.ts';

/** `{passes, from, to, protocol, port, ways: [{backend, passes, request, reply}], problems}`, indented. */
export function json({ from, to, protocol, port, verdict }: Answer): string {
  const problems = [
    ...verdict.unreadable.map(({ rule, reason }) => ({ kind: 'unreadable', reason, rule: ruleOf(rule) })),
    ...verdict.ambiguous.map((rule) => ({
      kind: 'ambiguous',
      reason: 'another rule of this priority has another effect',
      rule: ruleOf(rule),
    })),
  ];
  const answer = {
    passes: verdict.passes,
    from,
    to,
    protocol,
    ...(port !== undefined && { port }),
    ways: verdict.ways.map(wayOf),
    problems,
  };
  return `${JSON.stringify(answer, undefined, 2)}\n`;
}

const wayOf = ({ backend, passes, request, reply }: Way): object => ({
  ...(backend && { backend: placeOf(backend) }),
  passes,
  request: courseOf(request),
  ...(reply && { reply: courseOf(reply) }),
});

const courseOf = (course: Course): object => ({
  arrives: arrives(course),
  end: endOf(course.end),
  steps: course.steps.map(stepOf),
});

function endOf(end: End): object {
  return 'port' in end ? { kind: end.kind, port: end.port.name } : end;
}

function stepOf(step: Step): object {
  if (step.kind === 'load-balancing') {
    const { vip, backend, hairpin } = step;
    return {
      stage: 'load-balancing',
      switch: step.switch,
      loadBalancer: vip.name,
      ...(vip.owner && { owner: vip.owner }),
      vip: placeOf(vip),
      ...(backend && { backend: placeOf(backend) }),
      ...(hairpin && { hairpin: formatIp(hairpin) }),
    };
  }
  const { stage, port, tracking, judgement } = step;
  const { effect, by, rule, passed } = judgement;
  return {
    stage,
    switch: step.switch,
    port,
    tracking,
    effect,
    by,
    ...(rule && { rule: ruleOf(rule) }),
    ...(passed.length > 0 && { passed: passed.map(ruleOf) }),
  };
}

const placeOf = ({ address, port }: Backend): object => ({ address: formatIp(address), ...(port > 0 && { port }) });

const ruleOf = ({ uuid, name, owner, on, stage, action, priority, tier, match }: Rule): object => ({
  uuid,
  ...(name !== '' && { name }),
  ...(owner && { owner }),
  on,
  stage,
  priority,
  tier,
  action,
  match,
});
