// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import type { Api } from "../src/lib/api";
import type { Kind } from "../src/lib/event";
import type { ShownPicture } from "../src/lib/shown_picture";
import type { ChatMessage, Intent, Submit } from "../src/lib/wire";
import { Conversations } from "../src/state/conversations.svelte";
import { Jobs } from "../src/state/jobs.svelte";
import { Plans } from "../src/state/plans.svelte";

const picture = (name: string): ShownPicture => ({ bytes: new Uint8Array([1]), sha256: name, small: `data:${name}`, width: 1, height: 1 });

function setUp() {
  const asked: Intent[] = [];
  const send = (type: Kind, data: unknown) => {
    if (type === "mtor.job.submit") asked.push((data as Submit).intent);
    return true;
  };
  const api = {} as Api;
  const jobs = new Jobs({ api, send, sendFrame: () => true, onMoney: () => {} });
  const plans = new Plans({ api, send, watch: () => () => {}, onMoney: () => {} });
  const conversations = new Conversations({ api, database: undefined, jobs, plans, workers: () => [], onBell: () => {} });
  /** The pictures that went with the question that was asked last. */
  const seen = () => {
    const intent = asked.at(-1);
    const messages = (intent?.params as { messages?: ChatMessage[] }).messages ?? [];
    return (messages.at(-1)?.pictures ?? []).map(({ sha256 }) => sha256);
  };
  return { conversations, asked, seen };
}

describe("a question after one about a picture", () => {
  it("sees that picture too, until others are shown or it is put away", () => {
    const { conversations, asked, seen } = setUp();
    conversations.album.pictures = [picture("cup")];
    const id = conversations.ask("What is it?", undefined);
    expect(seen()).toEqual(["cup"]);
    conversations.ask("And what colour?", id);
    expect(asked.at(-1)?.capability).toBe("vision");
    expect(seen()).toEqual(["cup"]);
    // It goes on from turn to turn, and is asked again with it.
    conversations.ask("And how large?", id);
    conversations.retry(id, 2);
    expect(seen()).toEqual(["cup"]);
    conversations.album.pictures = [picture("dog")];
    conversations.ask("And this?", id);
    expect(seen()).toEqual(["dog"]);
    conversations.putAway(id);
    conversations.ask("What is the capital of France?", id);
    expect(asked.at(-1)?.capability).toBe("chat");
    expect(conversations.carried(undefined)).toEqual([]);
  });

  it("is none of its business when a tool is asked", () => {
    const { conversations, asked } = setUp();
    conversations.album.pictures = [picture("cup")];
    const id = conversations.ask("What is it?", undefined);
    conversations.ask("read me the news", id, undefined, { tool: { capability: "tool.news", model: "default", params: {} } as unknown as Intent });
    expect(asked.at(-1)?.capability).toBe("tool.news");
  });
});
