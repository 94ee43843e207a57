import { afterEach, expect, test, vi } from "vitest";

const token = "wss://chat.example.org:8443?sessionId=ses_A&token=tok_B";

/** `serverOf` of a script that was loaded by that tag. */
async function found(src: string, server?: string): Promise<string> {
  vi.resetModules();
  vi.stubGlobal("document", { currentScript: { src, dataset: { server }, baseURI: "https://app.example.org/page/" } });
  return (await import("./home.js")).serverOf(token);
}

afterEach(() => vi.unstubAllGlobals());

test("the server is where the script came from, below any path", async () => {
  expect(await found("https://a.example/sdk/openvidu.js")).toBe("https://a.example");
  expect(await found("https://a.example/chat/sdk/openvidu.js?v=3#x")).toBe("https://a.example/chat");
});

test("an attribute says where it is, relative to the page if need be", async () => {
  expect(await found("https://cdn.example/openvidu-browser.js", "https://a.example/chat/")).toBe("https://a.example/chat");
  expect(await found("https://a.example/sdk/openvidu.js", "/chat")).toBe("https://app.example.org/chat");
});

test("a copy under another name, and a module, go where the token says", async () => {
  expect(await found("https://app.example.org/js/openvidu-browser-2.32.2.min.js")).toBe("https://chat.example.org:8443");
  vi.resetModules();
  vi.unstubAllGlobals();
  const { serverOf } = await import("./home.js");
  expect(serverOf(token)).toBe("https://chat.example.org:8443");
  expect(serverOf("ws://127.0.0.1:8190?sessionId=a&token=b")).toBe("http://127.0.0.1:8190");
  for (const bad of ["", "hello", undefined]) expect(() => serverOf(bad as string)).toThrow("the token is not valid");
});
