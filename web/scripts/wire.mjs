// Writes src/lib/wire.ts from the JSON Schema that mtor-protocol generates from its Rust types.
//
//   node scripts/wire.mjs           writes it
//   node scripts/wire.mjs --check   says whether it has drifted, and exits 1 if so
//
// It knows the part of JSON Schema that those types come out as, and stops at anything else, so that a new construct
// can't turn into a wrong type in silence.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SCHEMA = new URL("../../crates/mtor-protocol/schema/mtor.schema.json", import.meta.url);
const OUTPUT = new URL("../src/lib/wire.ts", import.meta.url);

const IGNORED = new Set([
  "additionalProperties", "default", "description", "format", "maxItems", "maxLength", "maximum", "minItems",
  "minLength", "minimum", "pattern", "title",
]);
const KNOWN = new Set(["$ref", "allOf", "anyOf", "const", "enum", "items", "oneOf", "properties", "required", "type"]);

const schema = JSON.parse(readFileSync(SCHEMA, "utf8"));
const text = [
  "// Generated from crates/mtor-protocol/schema/mtor.schema.json by `npm run wire`. Do not edit.",
  "",
  ...Object.entries(schema.$defs).flatMap(([name, definition]) => [...declaration(name, definition), ""]),
  "/** The data of every type of event. */",
  "export interface EventData {",
  ...Object.entries(schema.properties).map(([kind, data]) => `  ${JSON.stringify(kind)}: ${typeOf(data, kind)};`),
  "}",
  "",
].join("\n");

if (process.argv.includes("--check")) {
  if (readFileSync(OUTPUT, "utf8") !== text) {
    console.error("src/lib/wire.ts no longer says what the schema says; run `npm run wire` and commit the result");
    process.exit(1);
  }
  console.log("src/lib/wire.ts says what the schema says");
} else {
  writeFileSync(fileURLToPath(OUTPUT), text);
}

function declaration(name, definition) {
  const { type, properties, oneOf, anyOf, allOf } = definition;
  const plainObject = type === "object" && properties && !oneOf && !anyOf && !allOf;
  return [
    ...comment(definition.description, ""),
    plainObject
      ? `export interface ${name} ${typeOf(definition, name, "")}`
      : `export type ${name} = ${typeOf(definition, name, "")};`,
  ];
}

function typeOf(node, where, indent = "") {
  for (const key of Object.keys(node)) {
    if (!IGNORED.has(key) && !KNOWN.has(key)) {
      throw new Error(`${where}: this script does not know the schema keyword ${key}`);
    }
  }
  if (node.$ref) return node.$ref.replace("#/$defs/", "");
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum) return node.enum.map((value) => JSON.stringify(value)).join(" | ");
  const union = node.oneOf ?? node.anyOf;
  if (union) return union.map((part) => typeOf(part, where, indent)).join(" | ");
  if (node.allOf) return node.allOf.map((part) => bracketed(typeOf(part, where, indent))).join(" & ");
  if (Array.isArray(node.type)) {
    return node.type.map((type) => typeOf({ ...node, type }, where, indent)).join(" | ");
  }
  switch (node.type) {
    case undefined: return "unknown";
    case "object": return objectType(node, where, indent);
    case "array": return `${bracketed(typeOf(node.items, where, indent))}[]`;
    case "string": return "string";
    case "integer":
    case "number": return "number";
    case "boolean": return "boolean";
    case "null": return "null";
    default: throw new Error(`${where}: this script does not know the schema type ${node.type}`);
  }
}

function objectType(node, where, indent) {
  const required = new Set(node.required ?? []);
  const fields = Object.entries(node.properties ?? {}).flatMap(([name, field]) => {
    const optional = required.has(name) ? "" : "?";
    const type = typeOf(field, `${where}.${name}`, `${indent}  `);
    return [...comment(field.description, `${indent}  `), `${indent}  ${name}${optional}: ${type};`];
  });
  if (fields.length > 0) return `{\n${fields.join("\n")}\n${indent}}`;
  const others = node.additionalProperties;
  return typeof others === "object" ? `Record<string, ${typeOf(others, where, indent)}>` : "Record<string, never>";
}

function bracketed(type) {
  return type.includes(" | ") ? `(${type})` : type;
}

function comment(description, indent) {
  if (!description) return [];
  const lines = description.replaceAll("*/", "* /").split("\n");
  if (lines.length === 1) return [`${indent}/** ${lines[0]} */`];
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`];
}
