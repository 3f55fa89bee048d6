import { describe, expect, it } from "vitest";
import { lasts, needsYes, partsOf, patienceMs } from "../src/lib/tools";
import { meaningOf, type Tools } from "../src/lib/voice/meaning";
import type { Intent, Resolved, ToolInfo } from "../src/lib/wire";

const intent = (capability: string, params: Record<string, unknown>) => ({ capability, model: "default", params }) as unknown as Intent;
const timer = (params: Record<string, unknown>) => intent("tool.timer", params);

describe("tools", () => {
  it("last as long as their timer", () => {
    expect(patienceMs(timer({ seconds: 10 }))).toBe(70_000);
    expect(patienceMs(timer({ seconds: 10_000_000 }))).toBe(86_400_000);
    expect(patienceMs(timer({ at: "07:30" }))).toBe(86_400_000);
    for (const other of [timer({ action: "query" }), timer({}), intent("tool.news", { seconds: 3 }), undefined]) {
      expect(lasts(other)).toBe(false);
      expect(patienceMs(other)).toBeUndefined();
    }
  });

  it("answer in two parts when they last", () => {
    expect(partsOf("It is set.\n\nIt rings!")).toEqual({ first: "It is set.", second: "It rings!" });
    expect(partsOf("It is set.")).toEqual({ first: "It is set.", second: "" });
  });

  it("are asked about first, unless the words said just this", () => {
    const tool = (effect?: ToolInfo["effect"]) => ({ description: "d", parameters: {}, effect }) as ToolInfo;
    expect(needsYes(tool("reads"), "examples")).toBe(false);
    expect(needsYes(tool("notes"), "examples")).toBe(false);
    expect(needsYes(tool("switches"), "rules")).toBe(false);
    expect(needsYes(tool("switches"), "examples")).toBe(true);
    for (const effect of ["sends", "unknown", undefined] as const) expect(needsYes(tool(effect), "rules")).toBe(true);
    expect(needsYes(undefined, "rules")).toBe(true);
  });
});

describe("words for a tool", () => {
  const light = intent("tool.home", { action: "on", device: "light" });
  const resolved = (capability: string, tool?: Intent): Resolved => ({
    text: "the words", language: "en", by: "rules",
    understanding: { kind: "act", capability, text: "x", confidence: 1, ...(tool ? { intent: tool } : {}) },
  });
  const tools = (offered: boolean, yes: boolean): Tools => ({ isOffered: () => offered, needsYes: () => yes });

  it("are done when somebody can, at once or after a yes", () => {
    const act = { kind: "ask", text: "the words", tool: light };
    expect(meaningOf(resolved("tool.home", light), "", tools(true, false))).toEqual(act);
    expect(meaningOf(resolved("tool.home", light), "", tools(true, true))).toEqual({ kind: "sure", capability: "tool.home", meaning: act });
  });

  it("are nobody's when nobody can, or a question that a model can try", () => {
    expect(meaningOf(resolved("tool.home", light), "", tools(false, false))).toEqual({ kind: "nobody", capability: "tool.home" });
    const sum = intent("tool.calculate", { expression: "1+1" });
    expect(meaningOf(resolved("tool.calculate", sum), "", tools(false, false))).toEqual({ kind: "ask", text: "the words" });
  });
});
