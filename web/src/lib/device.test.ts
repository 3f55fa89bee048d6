import { expect, test } from "vitest";
import { deviceName, thisDevice } from "./device";

test("a device has the name that people know", () => {
  const names: [string, string][] = [
    ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36", "Chrome, Linux"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Windows"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"],
    ["Mozilla/5.0 (Android 15; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0", "Firefox, Android"],
    ["curl/8", "Browser"],
  ];
  for (const [agent, name] of names) expect(deviceName(agent)).toBe(name);
});

test("a device keeps its id, and is a new one each time where nothing is stored", () => {
  const stored = new Map<string, string>();
  const storage = { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, value: string) => stored.set(key, value) };
  const keeps = () => thisDevice("", () => storage as unknown as Storage).id;
  expect(keeps()).toBe(keeps());
  stored.set("mtor.device", "<junk>");
  expect(keeps()).toMatch(/^[0-9a-f-]{36}$/);
  const forgets = () =>
    thisDevice("", () => {
      throw new Error("denied");
    }).id;
  expect(forgets()).not.toBe(forgets());
});
