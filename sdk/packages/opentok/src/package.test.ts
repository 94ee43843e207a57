import { runInThisContext } from "node:vm";
import { expect, test, vi } from "vitest";
// @ts-expect-error A plain script without types.
import { BUDGET_BYTES, gzipped, script, withoutClient } from "../scripts/bundle.mjs";
import { OT } from "./index.js";

test("it adds no more to the client than the budget", async () => {
  expect(gzipped(await withoutClient())).toBeLessThanOrEqual(BUDGET_BYTES);
});

test("the script defines OT, and TB for very old pages, and nothing else, also where there is no page", async () => {
  const before = new Set(Object.keys(globalThis));
  runInThisContext(new TextDecoder().decode(await script()));
  expect(Object.keys(globalThis).filter((name) => !before.has(name))).toEqual(["OT", "TB"]);
  const page = globalThis as unknown as { OT: typeof OT; TB: typeof OT };
  expect(page.TB).toBe(page.OT);
  expect(page.OT.initSession("45812345", "1_MX4").sessionId).toBe("1_MX4");
});

test("pages that also want media go on to their chat", async () => {
  const called = vi.fn();
  const session = OT.initSession("45812345", "1_MX4");
  const publisher = OT.initPublisher("publisher", { insertMode: "append", width: "100%" }, called);
  publisher.on("streamCreated", called).once("accessAllowed", called).off("accessAllowed");
  publisher.publishAudio(false);
  publisher.publishVideo(true);
  expect(OT.publishers.find((one) => one === publisher)).toBe(publisher);
  expect(session.publish(publisher, called)).toBe(publisher);
  session.publish("publisher", {}, called);
  await session.publish.promise(publisher);
  await OT.initPublisher.promise("publisher");
  const stream = { streamId: "s", name: "", hasAudio: true, hasVideo: true };
  session.subscribe(stream, "subscriber", { insertMode: "append" }, called).subscribeToVideo(true).setAudioVolume(50).on("x", called);
  await session.subscribe.promise(stream);
  await Promise.all([session.unpublish(publisher), session.forceMuteAll([]), session.forceUnpublish(stream, called), OT.getDevices(called)]);
  OT.reportIssue(called);
  OT.checkScreenSharingCapability(called);
  OT.registerScreenSharingExtension("chrome", "id", 2);
  OT.setLogLevel(4);
  OT.log("hello");
  OT.upgradeSystemRequirements();
  publisher.getStats(called);
  await Promise.resolve();
  expect(called.mock.calls).toEqual([[], [], [], [], [], [undefined, []], [undefined, ""], [{ supported: false }], [undefined, []]]);
  expect([OT.checkSystemRequirements(), session.streams.length(), OT.subscribers.where(), session.getSubscribersForStream(stream), session.getPublisherForStream(stream)]).toEqual([1, 0, [], [], undefined]);
  const destroyed = vi.fn();
  publisher.on("destroyed", destroyed).destroy().destroy();
  expect([destroyed.mock.calls.length, OT.publishers.where().includes(publisher)]).toEqual([1, false]);
});

test("lists are looked through by a rule, by fields, or as they are", () => {
  const [one, two] = [OT.initSession("1", "1_one"), OT.initSession("1", "1_two")];
  expect([OT.sessions.find({ sessionId: "1_two" }) === two, OT.sessions.find((session) => session.id === "1_one") === one]).toEqual([true, true]);
  expect([OT.sessions.where({ apiKey: "1" }).length, OT.sessions.find() === OT.sessions.where()[0], OT.sessions.find({ id: "no" })]).toEqual([2, true, undefined]);
  const seen: unknown[] = [];
  OT.sessions.forEach((session) => seen.push(session));
  expect(seen.length).toBe(OT.sessions.length());
});

test("the server is where the script came from, unless the page says otherwise", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => (asked.push(url), Promise.reject(new TypeError("no network"))));
  const connect = async (prepare: (ot: typeof OT) => void) => {
    vi.resetModules();
    const { OT: fresh } = await import("./index.js");
    prepare(fresh);
    await fresh.initSession("1", "1_a").connect.promise("t").catch(() => {});
  };
  vi.stubGlobal("document", { currentScript: { src: "https://a.example/chat/sdk/opentok.js", dataset: {}, baseURI: "https://app.example/" } });
  await connect(() => {});
  await connect((ot) => ot.setProxyUrl("https://b.example/"));
  vi.stubGlobal("document", { currentScript: null });
  vi.stubGlobal("location", { origin: "https://app.example", href: "https://app.example/x" });
  await connect(() => {});
  await connect((ot) => ot.setProxyUrl("/below"));
  vi.unstubAllGlobals();
  expect(asked.map((url) => url.replace("/opentok/exchange", ""))).toEqual(["https://a.example/chat", "https://b.example", "https://app.example", "https://app.example/below"]);
});
