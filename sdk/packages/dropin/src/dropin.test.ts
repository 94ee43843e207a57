import { afterEach, expect, test, vi } from "vitest";
import { told } from "./aside.js";
import { textOf, textOfParts } from "./text.js";

afterEach(() => vi.unstubAllGlobals());

/** What a script says that was loaded by that tag. */
async function found(src: string, server?: string): Promise<string | undefined> {
  vi.resetModules();
  vi.stubGlobal("document", { currentScript: { src, dataset: { server }, baseURI: "https://app.example.org/page/" } });
  return (await import("./home.js")).scriptHome("x");
}

test("the server is where the script came from, or where its attribute says; other names say nothing", async () => {
  expect(await found("https://a.example/chat/sdk/x.js?v=3#y")).toBe("https://a.example/chat");
  expect(await found("https://a.example/sdk/x.js", "/chat/")).toBe("https://app.example.org/chat");
  expect(await found("https://a.example/sdk/other.js")).toBe(undefined);
  expect(await found("https://a.example/sdk/xyjs")).toBe(undefined);
});

test("a callback hears the end once; with one, nothing is unhandled, whatever it does", async () => {
  const thrown: unknown[] = [];
  vi.stubGlobal("queueMicrotask", (run: () => void) => {
    try {
      run();
    } catch (error) {
      thrown.push(error);
    }
  });
  const heard: unknown[] = [];
  const call = (end: unknown) => {
    heard.push(end);
    throw "by the page";
  };
  await told(Promise.resolve(1), call, null);
  await told(Promise.reject("no"), call, null).catch(() => {});
  await told(Promise.resolve(1), undefined, null);
  expect([heard, thrown]).toEqual([[null, "no"], ["by the page", "by the page"]]);
});

test("what is no text is shown as its JSON, nothing as nothing", () => {
  expect([textOf("a"), textOf(null), textOf(undefined), textOf([1])]).toEqual(["a", undefined, undefined, "[1]"]);
  const text = { type: "text", text: "a", format: "plain" } as const;
  expect([textOfParts([]), textOfParts([text]), textOfParts([text, { type: "custom", data: { b: 1 } }])]).toEqual([undefined, "a", 'a\n{"b":1}']);
});
