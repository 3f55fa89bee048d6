/** A form made of a tool's JSON schema: its fields, and the arguments that what was typed in them stands for. */

/** How a field is filled in. What a schema says beyond these is typed as JSON. */
export type FieldKind = "text" | "number" | "integer" | "boolean" | "choice" | "json";

export interface ToolField {
  name: string;
  kind: FieldKind;
  description: string;
  required: boolean;
  /** For a choice: what can be chosen. */
  choices: readonly unknown[];
  /** What stands in it at first. */
  initial: string;
}

/** What was typed, by the fields' names; a boolean is `true`, `false` or empty. */
export type Typed = Readonly<Record<string, string>>;

/** What is wrong with a field. */
export interface FieldFault {
  field: string;
  fault: "missing" | "number" | "integer" | "json";
}

type Schema = Record<string, unknown>;

const KINDS: Readonly<Record<string, FieldKind>> = {
  string: "text", number: "number", integer: "integer", boolean: "boolean",
};

const isObject = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);

/** The fields of a tool's parameters: those that must be there first. */
export function fieldsOf(parameters: Schema): ToolField[] {
  const properties = isObject(parameters.properties) ? parameters.properties : {};
  const required = new Set(Array.isArray(parameters.required) ? parameters.required : []);
  const fields = Object.entries(properties).map(([name, schema]): ToolField => {
    const described = isObject(schema) ? schema : {};
    const choices = Array.isArray(described.enum) ? described.enum : [];
    const kind = choices.length > 0 ? "choice" : KINDS[String(described.type)] ?? "json";
    return {
      name, kind, choices,
      description: typeof described.description === "string" ? described.description : "",
      required: required.has(name),
      initial: described.default === undefined ? "" : written(described.default, kind),
    };
  });
  return [...fields.filter((field) => field.required), ...fields.filter((field) => !field.required)];
}

/** A value as it stands in a field. */
export function written(value: unknown, kind: FieldKind): string {
  return kind === "json" || (kind === "choice" && typeof value !== "string") ? JSON.stringify(value) : String(value);
}

/** The arguments that were typed, or the first thing that is wrong with them. An empty field that need not be there is left out. */
export function argumentsOf(
  fields: readonly ToolField[], typed: Typed,
): { arguments: Record<string, unknown> } | { wrong: FieldFault } {
  const given: Record<string, unknown> = {};
  for (const field of fields) {
    const text = typed[field.name] ?? "";
    if (text.trim() === "") {
      if (field.required) return { wrong: { field: field.name, fault: "missing" } };
      continue;
    }
    const value = valueOf(field, text);
    if (value === undefined) {
      const fault = field.kind === "number" || field.kind === "integer" ? field.kind : "json";
      return { wrong: { field: field.name, fault } };
    }
    given[field.name] = value;
  }
  return { arguments: given };
}

function valueOf(field: ToolField, text: string): unknown {
  switch (field.kind) {
    case "text": return text;
    case "boolean": return text === "true";
    case "choice": return field.choices.find((choice) => written(choice, "choice") === text);
    case "number": return Number.isFinite(Number(text)) ? Number(text) : undefined;
    case "integer": return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
    case "json": return parsed(text);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
