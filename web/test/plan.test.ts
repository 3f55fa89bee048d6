import { describe, expect, it } from "vitest";
import { linesOf, pageOf, questionsOf, resultsOf, rowsOf, scenesOf, spokenEnd, spokenQuestion } from "../src/lib/plan";
import type { Kind, RealmEvent } from "../src/lib/event";
import type { EventData, JobInfo, Plan, PlanStep, StepState } from "../src/lib/wire";
import { Plans } from "../src/state/plans.svelte";

const step = (state: StepState, more: Partial<PlanStep> = {}): PlanStep =>
  ({ title: "t", capability: "chat", params: {}, effect: "reads", state, job: "j", ...more }) as PlanStep;
const plan = (state: Plan["state"], steps: PlanStep[], more: Partial<Plan> = {}): Plan =>
  ({ id: "p", text: "w", submitted: "2027-01-15T08:00:00Z", state, max: "2000000", cost: "0", steps, ...more });
const params = (value: Record<string, unknown>) => value as PlanStep["params"];
const mail = step("asking", {
  effect: "sends", after: [1], params: params({ body: "Birds fly south", list: "secret", to: "ada@example.org" }),
});

describe("a plan", () => {
  it("stands in rows, each step below what it is made of", () => {
    const steps = [step("done"), step("done"), step("waiting", { after: [0, 1] }), step("waiting", { after: [0] }), step("waiting", { after: [2] })];
    expect(rowsOf(steps)).toEqual([[0, 1], [2, 3], [4]]);
  });

  it("asks about itself, or about steps, and nothing when it is over", () => {
    expect(questionsOf(plan("proposed", [mail]))).toEqual([{}]);
    expect(questionsOf(plan("asking", [step("done"), mail]))).toEqual([{ step: 1 }]);
    expect(questionsOf(plan("cancelled", [mail]))).toEqual([]);
  });

  it("says aloud what would be sent, and to whom, and no list of somebody's", () => {
    const said = spokenQuestion(plan("asking", [mail]), { step: 0 });
    expect(said).toBe("This will be sent. To: ada@example.org. Text: Birds fly south. Shall I?");
    expect(linesOf(mail.params).map((line) => line.name)).toEqual(["to", "body"]);
    expect(spokenQuestion(plan("proposed", [mail]), {})).toContain("2 coins");
  });

  it("ends with what no other step used, or with why not", () => {
    const done = plan("done", [step("done", { text: "page" }), step("done", { after: [0], text: "short" })]);
    expect(resultsOf(done)).toEqual([1]);
    expect(spokenEnd(done)).toBe("short");
    expect(spokenEnd(plan("failed", [step("done", { text: "short" }), step("refused", { after: [0] })]))).toContain("leave that out");
    const problem = { type: "", title: "No worker", status: 503, detail: "" };
    expect(spokenEnd(plan("failed", [step("failed", { problem })]))).toContain("No worker");
  });

  it("means by this article the address that was named last", () => {
    expect(pageOf(["read https://a.example/x, please", "see (https://b.example/y).", "and now?"])).toBe("https://b.example/y");
    expect(pageOf(["nothing"])).toBeUndefined();
  });

  it("is played again as its jobs began and ended", () => {
    const job = (submitted: string, settled: string) => ({ submitted, settled }) as JobInfo;
    const over = plan("done", [step("done", { text: "a" }), step("done", { after: [0], text: "b" })]);
    const scenes = scenesOf(over, [job("2027-01-15T08:00:01Z", "2027-01-15T08:00:02Z"), job("2027-01-15T08:00:02.5Z", "2027-01-15T08:00:04Z")]);
    expect(scenes.map((scene) => scene.plan.steps.map((step) => step.state).join())).toEqual([
      "waiting,waiting", "running,waiting", "done,waiting", "done,running", "done,done", "done,done",
    ]);
    expect(scenes.at(-1)?.plan).toBe(over);
  });
});

describe("plans that are followed", () => {
  function setUp() {
    const sent: [Kind, unknown, string | undefined][] = [];
    const plans = new Plans({
      api: { plan: async () => plan("done", []) },
      send: (type, data, subject) => sent.push([type, data, subject]) > 0,
      watch: () => () => {},
      onMoney: () => {},
    });
    const says = <K extends Kind>(type: K, subject: string, data: EventData[K]) =>
      plans.receive({ id: "e", source: "r", type, time: "", subject, data } as RealmEvent);
    return { plans, sent, says };
  }

  it("are asked for again until they are acknowledged, and then watched", () => {
    const { plans, sent, says } = setUp();
    const id = plans.ask({ text: "a and b" });
    plans.resume();
    expect(sent.map(([type]) => type)).toEqual(["mtor.plan.ask", "mtor.plan.ask"]);
    says("mtor.plan.state", id, plan("asking", [mail], { id }));
    plans.resume();
    expect(sent.at(-1)).toEqual(["mtor.plan.watch", {}, id]);
  });

  it("are answered once, and ask no more until the next question", () => {
    const { plans, sent, says } = setUp();
    const id = plans.ask({ text: "a and b" });
    says("mtor.plan.state", id, plan("asking", [mail], { id }));
    expect(plans.questions(id)).toEqual([{ step: 0 }]);
    plans.answer(id, { step: 0 }, true);
    plans.answer(id, { step: 0 }, true);
    expect(sent.filter(([type]) => type === "mtor.plan.answer")).toEqual([["mtor.plan.answer", { step: 0, yes: true }, id]]);
    expect(plans.questions(id)).toEqual([]);
    // Said once more when the connection came back before the plan did.
    plans.resume();
    expect(sent.filter(([type]) => type === "mtor.plan.answer")).toHaveLength(2);
    says("mtor.plan.state", id, plan("done", [step("done")], { id }));
    plans.resume();
    expect(sent.filter(([type]) => type === "mtor.plan.answer")).toHaveLength(2);
  });

  it("that are refused say why", () => {
    const { plans, says } = setUp();
    const id = plans.ask({ text: "a and b" });
    const why = { type: "urn:mtor:problem:no-worker", title: "No worker", status: 503, detail: "" };
    expect(says("mtor.error", id, why)).toBe(true);
    expect(plans.get(id)?.problem).toEqual(why);
  });
});
