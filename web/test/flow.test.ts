import { describe, expect, it } from "vitest";
import { FLOW_JOBS_MAX, FLOW_LOG_MAX, PICTURE_WORKERS_MAX } from "../src/lib/defaults";
import { applyFlow, emptyFlow, type Flow } from "../src/lib/flow";
import { alongWay, placesFor, sparkPoint, wayBetween } from "../src/lib/picture";
import type { FlowStep, RealmFlow } from "../src/lib/wire";

const step = (token: string, name: FlowStep, worker?: string): RealmFlow => ({
  token, capability: "chat", step: name, worker, own: token === "mine",
});
const after = (...steps: RealmFlow[]): Flow => steps.reduce((flow, one, at) => applyFlow(flow, one, at), emptyFlow());

describe("the flow of jobs", () => {
  it("knows where each job is until it is over", () => {
    const flow = after(step("mine", "submitted"), step("mine", "assigned", "attic"), step("mine", "first_chunk"));
    expect(flow.jobs.get("mine")).toEqual({ step: "first_chunk", worker: "attic", own: true });
    const over = applyFlow(flow, step("mine", "completed"), 9);
    expect(over.jobs.size).toBe(0);
    expect(over.log[0]).toMatchObject({ at: 9, flow: { step: "completed", worker: "attic" } });
    expect(flow.jobs.size, "what was before stays as it was").toBe(1);
  });

  it("is bounded, however much happens", () => {
    const flow = after(...Array.from({ length: 1000 }, (_, index) => step(`job ${index}`, "submitted")));
    expect(flow.log).toHaveLength(FLOW_LOG_MAX);
    expect(flow.jobs.size).toBe(FLOW_JOBS_MAX);
    expect(flow.jobs.has("job 999")).toBe(true);
    expect(new Set(flow.log.map((line) => line.key)).size).toBe(FLOW_LOG_MAX);
  });
});

describe("the picture", () => {
  it.each([[1200, 400], [320, 600], [340, 300]])("of %i by %i has everybody in it", (width, height) => {
    for (let workers = 1; workers <= PICTURE_WORKERS_MAX; workers += 1) {
      const places = placesFor(width, height, workers);
      expect(places.workers).toHaveLength(workers);
      for (const { x, y } of [places.you, places.others, places.broker, ...places.workers]) {
        expect(x).toBeGreaterThan(20);
        expect(x).toBeLessThan(width - 20);
        expect(y).toBeGreaterThan(20);
        expect(y).toBeLessThan(height - 20);
      }
    }
  });

  it("has ways that begin and end where they should", () => {
    const [from, to] = [{ x: 10, y: 20 }, { x: 300, y: 200 }];
    for (const wide of [true, false]) {
      const way = wayBetween(from, to, wide);
      expect(alongWay(way, 0)).toEqual(from);
      expect(alongWay(way, 1)).toEqual(to);
      const back = wayBetween(to, from, wide);
      const spark = { ways: [way, back], kind: "chunk", tone: "own", bornAt: 0, livesMs: 1 } as const;
      expect(sparkPoint({ ...spark, ways: [way, back] }, 0)).toEqual(from);
      const end = sparkPoint({ ...spark, ways: [way, back] }, 1);
      expect(Math.hypot(end.x - from.x, end.y - from.y)).toBeLessThan(1);
    }
  });
});
