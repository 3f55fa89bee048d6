// OpenAI's own Node client, unmodified, against a realm with a real model: node openai_client.mjs BASE_URL API_KEY.

import assert from "node:assert/strict";
import OpenAI, { BadRequestError, NotFoundError } from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 120_000 });

const answer = (options) =>
  client.chat.completions.create({
    model: "default",
    messages: [{ role: "user", content: "What is the capital of France?" }],
    temperature: 0,
    max_tokens: 24,
    ...options,
  });

const whole = await answer({});
assert.match(whole.choices[0].message.content, /Paris/);
assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);

let streamed = "";
let usage;
for await (const chunk of await answer({ stream: true, stream_options: { include_usage: true } })) {
  streamed += chunk.choices[0]?.delta.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.equal(streamed, whole.choices[0].message.content);
assert.deepEqual(usage, whole.usage);

// The client's own helper, which puts a stream together and checks its shape.
const helped = await client.chat.completions
  .stream({ model: "default", messages: [{ role: "user", content: "Say hello." }], temperature: 0, max_tokens: 8 })
  .finalChatCompletion();
assert.ok(helped.choices[0].message.content);

const tools = [
  {
    type: "function",
    function: { name: "weather", parameters: { type: "object", properties: { city: { enum: ["Bonn", "Paris"] } }, required: ["city"] } },
  },
];
const called = await client.chat.completions
  .stream({
    model: "default", messages: [{ role: "user", content: "How is the weather in Paris?" }], temperature: 0, max_tokens: 60,
    tools, tool_choice: { type: "function", function: { name: "weather" } },
  })
  .finalChatCompletion();
const [call] = called.choices[0].message.tool_calls;
assert.equal(called.choices[0].finish_reason, "tool_calls");
assert.ok(["Bonn", "Paris"].includes(JSON.parse(call.function.arguments).city), call.function.arguments);

const models = await client.models.list();
assert.ok(models.data.length > 0);

await assert.rejects(answer({ model: "gpt-9000" }), (error) => {
  assert.ok(error instanceof NotFoundError, String(error));
  assert.equal(error.code, "model_not_found");
  return true;
});
await assert.rejects(answer({ messages: [{ role: "user", content: "word ".repeat(20_000) }] }), (error) => {
  assert.ok(error instanceof BadRequestError, String(error));
  assert.equal(error.code, "context_length_exceeded");
  return true;
});
