import { runInThisContext } from "node:vm";
import { expect, test, vi } from "vitest";
// @ts-expect-error A plain script without types.
import { BUDGET_BYTES, gzipped, script, withoutClient } from "../scripts/bundle.mjs";
import { OpenVidu } from "./index.js";

test("it adds no more to the client than the budget", async () => {
  expect(gzipped(await withoutClient())).toBeLessThanOrEqual(BUDGET_BYTES);
});

test("the script defines OpenVidu and nothing else, also where there is no page", async () => {
  const before = new Set(Object.keys(globalThis));
  runInThisContext(new TextDecoder().decode(await script()));
  expect(Object.keys(globalThis).filter((name) => !before.has(name))).toEqual(["OpenVidu"]);
  const { OpenVidu: Global } = globalThis as unknown as { OpenVidu: typeof OpenVidu };
  expect(new Global().initSession("key", "ses_A").sessionId).toBe("ses_A");
});

test("pages that also want media go on to their chat", async () => {
  const ov = new OpenVidu();
  const session = ov.initSession();
  const called = vi.fn();
  const publisher = ov.initPublisher("video", { audioSource: undefined }, called);
  publisher.on("videoElementCreated", called).once("streamPlaying", called).off("streamPlaying");
  await Promise.all([session.publish(), session.unpublish(), publisher.publishVideo(), ov.getDevices()]);
  session.subscribe().on("videoElementCreated", called).subscribeToVideo();
  expect(called).toHaveBeenCalledTimes(1);
  expect([ov.checkSystemRequirements(), ov.checkScreenSharingCapabilities()]).toEqual([true, false]);
});

test("handlers are called in order; one that throws, leaves or listens once disturbs nobody", async () => {
  const { Dispatcher, OpenViduEvent } = await import("./events.js");
  class Open extends Dispatcher {
    say = (name: string) => this.dispatch(name, new OpenViduEvent(name, this, {}));
  }
  const open = new Open();
  const heard: string[] = [];
  const errors: unknown[] = [];
  vi.stubGlobal("queueMicrotask", (run: () => void) => {
    try {
      run();
    } catch (error) {
      errors.push(error);
    }
  });
  const second = () => (heard.push("second"), open.off("a", second));
  open
    .on("a", () => {
      throw new Error("first");
    })
    .on("a", second)
    .once("a", () => (heard.push("once"), open.on("a", () => heard.push("added"))))
    .on("b", () => heard.push("b"));
  open.say("a");
  expect(heard.splice(0)).toEqual(["second", "once"]);
  open.say("a");
  expect(heard.splice(0)).toEqual(["added"]);
  open.off("a").off("unknown").say("a");
  open.say("b");
  expect(heard).toEqual(["b"]);
  expect(errors.length).toBe(2);
  vi.unstubAllGlobals();
});
