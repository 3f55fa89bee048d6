/** Requests of several steps as the page shows and says them. Pure. */

import { t } from "./strings";
import { coins, micro, priceShort } from "./money";
import type { JobInfo, Plan, PlanState, PlanStep, StepState } from "./wire";

/** The longest content of a step that is spoken whole before somebody says yes to it, in characters. */
const SPOKEN_CHARS_MAX = 500;

/** What is read first, and last, of what a step will be done with. */
const FIRST = ["to", "subject"];
const LAST = new Set(["body", "text"]);

export const isOver = (state: PlanState) => state === "done" || state === "failed" || state === "cancelled";

/** The steps by rows: each stands below all that it is made of. */
export function rowsOf(steps: readonly PlanStep[]): number[][] {
  const rows: number[][] = [];
  const depths: number[] = [];
  steps.forEach((step, number) => {
    const depth = Math.max(0, ...(step.after ?? []).map((before) => (depths[before] ?? -1) + 1));
    depths.push(depth);
    (rows[depth] ??= []).push(number);
  });
  return rows;
}

/** What a plan asks: about one of its steps, or, without a step, about beginning at all. */
export interface PlanQuestion {
  step?: number;
}

export function questionsOf(plan: Plan): PlanQuestion[] {
  if (isOver(plan.state)) return [];
  if (plan.state === "proposed") return [{}];
  return plan.steps.flatMap(({ state }, step) => (state === "asking" ? [{ step }] : []));
}

/** The steps that are done and that no other step is made of: what the plan was for. */
export function resultsOf(plan: Plan): number[] {
  const used = new Set(plan.steps.flatMap((step) => step.after ?? []));
  return plan.steps.flatMap(({ state }, number) => (state === "done" && !used.has(number) ? [number] : []));
}

/** Exactly what a step will be done with, by the names of its parameters. */
export function linesOf(params: Readonly<Record<string, unknown>>): { name: string; value: string }[] {
  const shown = Object.entries(params).filter(([name, value]) => name !== "list" && value !== null && value !== "");
  // To whom is read before what, whatever order it came in.
  const place = (name: string) => FIRST.indexOf(name) + 1 || FIRST.length + (LAST.has(name) ? 2 : 1);
  shown.sort(([a], [b]) => place(a) - place(b));
  return shown.map(([name, value]) => ({ name, value: typeof value === "string" ? value : JSON.stringify(value) }));
}

export const nameOf = (parameter: string) => t.plans.parameters[parameter] ?? parameter;

/** What is asked before a step is done, as it is said aloud: all of it, unless it is too long to listen to. */
export function spokenStep(effect: PlanStep["effect"], params: Readonly<Record<string, unknown>>): string {
  const said = linesOf(params).map(({ name, value }) => {
    const whole = value.length <= SPOKEN_CHARS_MAX;
    return `${nameOf(name)}: ${whole ? value : `${value.slice(0, SPOKEN_CHARS_MAX)} … ${t.plans.goesOn}`}`;
  });
  return `${t.plans.asks[effect]} ${said.join(". ")}. ${t.plans.shall}`;
}

/** A plan's question as it is said aloud. */
export function spokenQuestion(plan: Plan, { step }: PlanQuestion): string {
  const asked = step === undefined ? undefined : plan.steps[step];
  if (!asked) return t.voice.lines.dear(t.units.coins(priceShort(micro(plan.max))));
  return spokenStep(asked.effect, asked.params);
}

/** What a plan that is over has to say for itself, when it is heard and not seen. */
export function spokenEnd(plan: Plan): string {
  const results = resultsOf(plan).map((number) => plan.steps[number]?.text?.trim() ?? "");
  const words = results.filter((text) => text !== "").join("\n\n");
  if (plan.state === "cancelled") return t.plans.states.cancelled;
  const failed = plan.steps.find((step) => step.state === "failed");
  if (failed) return t.voice.lines.failed(failed.problem?.title ?? failed.title);
  const refused = plan.steps.some((step) => step.state === "refused");
  return [words, refused ? t.plans.leftOut : ""].filter((text) => text !== "").join(" ") || t.plans.states.done;
}

/** What a plan has cost, and may still. */
export function costOf(plan: Plan): string {
  const spent = micro(plan.cost);
  if (isOver(plan.state)) return spent === 0n ? t.answer.nothingCharged : t.units.coins(coins(spent));
  return t.answer.held(t.units.coins(priceShort(micro(plan.max))));
}

/** The page that "this article" stands for: the address that was named last. */
export function pageOf(texts: readonly string[]): string | undefined {
  for (const text of [...texts].reverse()) {
    const found = /https?:\/\/[^\s<>"')\]]+/g.exec(text)?.[0]?.replace(/[.,;:!?]+$/, "");
    if (found) return found;
  }
  return undefined;
}

/** A moment of a plan that is shown again. */
export interface PlanScene {
  atMs: number;
  plan: Plan;
}

/** The plan as it went, by when its steps' jobs began and ended. What has no job keeps the state that it ended in. */
export function scenesOf(plan: Plan, jobs: readonly (JobInfo | undefined)[]): PlanScene[] {
  const moments = plan.steps.flatMap((step, number) => {
    const job = jobs[number];
    if (!job) return [];
    const began = { number, state: "running" as StepState, atMs: Date.parse(job.submitted) };
    return job.settled ? [began, { number, state: step.state, atMs: Date.parse(job.settled) }] : [began];
  });
  const states: StepState[] = plan.steps.map((_, number) => (jobs[number] ? "waiting" : plan.steps[number]!.state));
  const scene = (): Plan => ({
    ...plan, state: "running",
    steps: plan.steps.map((step, number) => {
      const state = states[number]!;
      return state === step.state ? step : { ...step, state, text: undefined, cost: undefined, worker: undefined, problem: undefined };
    }),
  });
  const first: PlanScene = { atMs: Date.parse(plan.submitted), plan: scene() };
  const scenes = moments
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ number, state, atMs }) => {
      states[number] = state;
      return { atMs, plan: scene() };
    });
  const last = scenes.at(-1) ?? first;
  return [first, ...scenes, { atMs: last.atMs, plan }];
}
