import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { joinResult, message, Peer, welcome } from "../../client/src/testing/server.js";
import { Session } from "./session.js";

let peer: Peer;
let told: number;
let session: Session;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"], now: Date.parse("2026-11-21T12:00:00Z") });
  vi.stubGlobal("WebSocket", class extends Peer {
    constructor(url: string, protocols: unknown) {
      super(url, protocols);
      peer = this;
    }
  });
  told = 0;
  const nothing = (): void => undefined;
  session = new Session({ server: "https://chat.example.org", room: "r", token: "t" }, {
    state: nothing, joined: nothing, room: () => told++, messages: nothing, posted: nothing, typing: nothing, pins: nothing, rewritten: nothing, notice: nothing,
  });
});

afterEach(() => {
  session.stop();
  expect(vi.getTimerCount(), "timers that are left").toBe(0);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function join(result: object = {}): Promise<void> {
  void session.start();
  await vi.advanceTimersByTimeAsync(0);
  await peer.open();
  await peer.answer(peer.take("connect"), welcome());
  await vi.advanceTimersByTimeAsync(0);
  await peer.answer(peer.take("room.join"), joinResult(result));
  await vi.advanceTimersByTimeAsync(0);
}

const later = (ms: number): string => new Date(Date.now() + ms).toISOString().replace("Z", "456Z");
const present = (user: string) => ({ connection: `conn-${user}`, user, name: user, avatar: null, role: "member", groups: [], dialect: "native", data: null, joined_at: later(0) });
const mute = (user: string, until: string | null) => peer.notify("member.muted", { room: "r", position: "e-1", seq: session.room!.lastSeq + 1, at: later(0), by: { user: "mod", name: "Mod", connection: "m" }, user, until });
const isMuted = (user: string) => session.people.find((person) => person.user === user)!.muted;

test("my mute ends at its time, without a word from the server", async () => {
  await join({ me: { connection: "conn-alice", user: "alice", role: "member", groups: [], muted: { until: later(60_000) } } });
  expect(session.silenced?.why).toBe("muted");
  await vi.advanceTimersByTimeAsync(59_000);
  expect(session.silenced?.why).toBe("muted");
  const before = told;
  await vi.advanceTimersByTimeAsync(2_000);
  expect([session.silenced, told - before]).toEqual([null, 1]);
});

test("a first join that has to wait is no end", async () => {
  void session.start();
  await vi.advanceTimersByTimeAsync(0);
  await peer.open();
  await peer.answer(peer.take("connect"), welcome());
  for (let n = 0; n < 6; n++) {
    await vi.advanceTimersByTimeAsync(0);
    await peer.refuse(peer.take("room.join"), "rate_limited", 10_000);
    await vi.advanceTimersByTimeAsync(10_000);
  }
  await peer.answer(peer.take("room.join"), joinResult());
  await vi.advanceTimersByTimeAsync(0);
  expect([session.ended, session.room?.name]).toEqual([null, "r"]);
});

test("those of others end one by one; one without an end stays", async () => {
  await join({ presence: ["bob", "carol", "dan"].map(present) });
  await mute("bob", later(10_000));
  await mute("carol", later(20_000));
  await mute("dan", null);
  const now = () => ["bob", "carol", "dan"].map(isMuted);
  expect(now()).toEqual([true, true, true]);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(now()).toEqual([false, true, true]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(now()).toEqual([false, false, true]);
});

test("a mute of many days is no timer that ends at once", async () => {
  await join({ presence: [present("bob")] });
  await mute("bob", later(60 * 86_400_000));
  const before = told;
  await vi.advanceTimersByTimeAsync(5_000);
  expect([told - before, isMuted("bob")]).toEqual([0, true]);
});

test("while the chat is off moderators are silent too", async () => {
  const settings = { chat_enabled: false, slow_mode_s: null, private_chat: "everyone", retention_s: null };
  await join({ room: { name: "r", kind: "session", title: null, created_at: later(0), settings }, me: { connection: "c", user: "alice", role: "owner", groups: [], muted: null } });
  expect(session.silenced?.why).toBe("chatOff");
});

test("a page that is shorter than asked for is not the end, and one that brings nothing is not asked for again and again", async () => {
  await join({ history: { messages: [message(90)], more_before: true } });
  const page = async (before: number, messages: object[], more_before: boolean): Promise<void> => {
    const request = peer.take("room.history");
    expect(request.params).toMatchObject({ before });
    await peer.answer(request, { messages, more_before, more_after: true });
  };
  const older = session.loadOlder();
  await page(90, [message(80)], true);
  await older;
  expect(session.hasOlder).toBe(true);
  // Looking for an old message goes on until it is there.
  const found = session.find("m7");
  await peer.answer(peer.take("message.get"), { message: message(7) });
  await page(80, [message(50), message(60)], true);
  await page(50, [message(7)], true);
  expect((await found)?.key).toBe("m7");
  const lost = session.find("m3");
  lost.catch(() => undefined);
  await peer.answer(peer.take("message.get"), { message: message(3) });
  await page(7, [], true);
  await expect(lost).rejects.toThrow();
  expect(peer.inbox).toEqual([]);
  await Promise.all([session.loadOlder(), page(7, [message(3)], false)]);
  expect(session.hasOlder).toBe(false);
});

test("a search goes on behind a short page until it has enough", async () => {
  await join();
  const search = session.search("x", 4);
  const page = async (wanted: object, seqs: number[], more_before: boolean): Promise<void> => {
    const request = peer.take("room.search");
    expect(request.params).toEqual({ room: "r", text: "x", ...wanted });
    await peer.answer(request, { messages: seqs.map((seq) => message(seq)), more_before, more_after: false });
  };
  await page({ limit: 4 }, [9, 8], true);
  await page({ limit: 2, before: 8 }, [5], true);
  await page({ limit: 1, before: 5 }, [2], true);
  expect((await search).map(({ seq }) => seq)).toEqual([9, 8, 5, 2]);
  expect(peer.inbox).toEqual([]);
});
