/** Jobs moving through the realm, as it tells them: for the picture and for the log beside it. */

import { FLOW_JOBS_MAX, FLOW_LOG_MAX } from "./defaults";
import type { FlowStep, RealmFlow } from "./wire";

/** One line of the log. */
export interface FlowLine {
  /** Grows by one with each line. */
  key: number;
  /** By the realm's clock, in milliseconds. */
  at: number;
  flow: RealmFlow;
}

/** Where one job is. */
export interface FlowJob {
  step: FlowStep;
  worker?: string;
  own: boolean;
}

export interface Flow {
  /** The latest first. */
  log: FlowLine[];
  /** Jobs that are not over, by token, the oldest first. */
  jobs: Map<string, FlowJob>;
  nextKey: number;
}

export function emptyFlow(): Flow {
  return { log: [], jobs: new Map(), nextKey: 1 };
}

/** The flow after one more step. */
export function applyFlow(flow: Flow, step: RealmFlow, at: number): Flow {
  const jobs = new Map(flow.jobs);
  const known = jobs.get(step.token);
  jobs.delete(step.token);
  if (!isOver(step.step)) {
    jobs.set(step.token, { step: step.step, worker: step.worker ?? known?.worker, own: step.own });
    for (const oldest of jobs.keys()) {
      if (jobs.size <= FLOW_JOBS_MAX) break;
      jobs.delete(oldest);
    }
  }
  const line = { key: flow.nextKey, at, flow: { ...step, worker: step.worker ?? known?.worker } };
  return { log: [line, ...flow.log].slice(0, FLOW_LOG_MAX), jobs, nextKey: flow.nextKey + 1 };
}

export function isOver(step: FlowStep): boolean {
  return step === "completed" || step === "failed" || step === "cancelled";
}
