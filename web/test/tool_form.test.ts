import { describe, expect, it } from "vitest";
import { argumentsOf, fieldsOf } from "../src/lib/tool_form";

const schema = {
  type: "object",
  required: ["city", "level"],
  properties: {
    days: { type: "integer", default: 3 },
    city: { type: "string", description: "Which city" },
    level: { enum: [1, "high"] },
    warm: { type: "number" },
    loud: { type: "boolean" },
    names: { type: "array", items: { type: "string" } },
  },
};

describe("a form made of a schema", () => {
  const fields = fieldsOf(schema);

  it("has a field for each parameter, those that must be there first", () => {
    expect(fields.map(({ name, kind, required, initial }) => [name, kind, required, initial])).toEqual([
      ["city", "text", true, ""], ["level", "choice", true, ""], ["days", "integer", false, "3"],
      ["warm", "number", false, ""], ["loud", "boolean", false, ""], ["names", "json", false, ""],
    ]);
    expect(fields[0]?.description).toBe("Which city");
    expect(fieldsOf({})).toEqual([]);
    expect(fieldsOf({ properties: { any: true } })[0]?.kind).toBe("json");
  });

  it("gives the arguments that were typed, and leaves out what was not", () => {
    const typed = { city: "Bonn", level: "1", days: "2", loud: "false", names: '["a"]' };
    expect(argumentsOf(fields, typed)).toEqual({
      arguments: { city: "Bonn", level: 1, days: 2, loud: false, names: ["a"] },
    });
    expect(argumentsOf(fields, { city: "Bonn", level: "high" })).toEqual({ arguments: { city: "Bonn", level: "high" } });
  });

  it("names what is wrong", () => {
    const wrong = (typed: Record<string, string>) => argumentsOf(fields, { city: "Bonn", level: "1", ...typed });
    expect(wrong({ city: " " })).toEqual({ wrong: { field: "city", fault: "missing" } });
    expect(wrong({ days: "2.5" })).toEqual({ wrong: { field: "days", fault: "integer" } });
    expect(wrong({ warm: "hot" })).toEqual({ wrong: { field: "warm", fault: "number" } });
    expect(wrong({ names: "[" })).toEqual({ wrong: { field: "names", fault: "json" } });
  });
});
