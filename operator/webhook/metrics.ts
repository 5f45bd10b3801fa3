// What the webhook counts. Labels are of a closed list: anybody can send it a review of any kind.
import { Counter, Histogram, type Registry } from 'prom-client';
import type { AdmissionRequest } from './admission-review.ts';
import { checks } from './checks/registry.ts';
import type { Answered } from './server.ts';

/** Registers the metrics, and gives what to call with each answer. */
export function webhookMetrics(registry: Registry): (request: AdmissionRequest | undefined, answer: Answered) => void {
  const registers = [registry];
  const requests = new Counter({
    name: 'kubeloom_webhook_requests_total',
    help: 'Admission reviews by kind, operation and result: allowed, refused, malformed (400) or failed (500, 503).',
    labelNames: ['kind', 'operation', 'result'],
    registers,
  });
  const latency = new Histogram({
    name: 'kubeloom_webhook_review_seconds',
    help: 'Time from the whole request to its answer.',
    labelNames: ['result'],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  return (request, { result, seconds }) => {
    const operation = request?.operation ?? '';
    requests.inc({ kind: kindOf(request), operation, result });
    latency.observe({ result }, seconds);
  };
}

function kindOf(request: AdmissionRequest | undefined): string {
  if (!request) return '';
  return `${request.group}/${request.kind}` in checks ? request.kind : 'other';
}
