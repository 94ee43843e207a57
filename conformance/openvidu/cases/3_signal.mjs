// Section 5: signals, through the vendor's browser client and on the wire.
import { between, equal, matches, ok, until } from "../expect.mjs";

const CON_UNKNOWN = "con_X000000000";

const CHARACTERS = {
  quotes: `"double" 'single' \\back\\ /slash/ <b>&amp;</b>`,
  lines: "one\ntwo\r\nthree\ttab",
  null: "before\u0000after",
  controls: "\u0001\u001b\u007f\u0085",
  separators: "line\u2028paragraph\u2029end",
  emoji: "👩‍👩‍👧‍👦 🇪🇺 👍🏽 😀",
  "right-to-left": "שלום \u202eabc\u202c العربية \u200f",
  combining: "e\u0301 ậ \ufeff\u200b\ufffe",
  spaces: "  leading and trailing  ",
};

export const signal_people = {
  async open(world) {
    const session = await world.session();
    const a = await world.person(session, { metadata: "Ada", data: "srv", role: "PUBLISHER" });
    const b = await world.person(session, { metadata: "Bob", role: "SUBSCRIBER" });
    const c = await world.person(session, { metadata: "Cay", role: "MODERATOR" });
    for (const [person, count] of [[a, 3], [b, 3], [c, 3]]) await until(() => person.of("connectionCreated").length === count, "all see all");
    return { session, a, b, c, all: [a, b, c] };
  },
  cases: {
    async "signal.broadcast-reaches-everybody"(_, { a, all }) {
      equal(await a.signal({ type: "my-chat", data: "hello" }), { ok: true }, "the promise");
      for (const person of all) {
        const event = await person.hears("hello", "signal:my-chat");
        equal([event.type, event.from], ["signal:my-chat", a.id], "event.type and event.from");
      }
    },
    async "signal.catch-all-hears-it-too"(_, { all }) {
      for (const person of all) await person.hears("hello", "signal");
    },
    async "signal.broadcast-reaches-sender-first"(_, { a }) {
      await a.signal({ type: "my-chat", data: "own first" });
      const frames = await a.frames();
      const arrived = frames.findIndex((each) => each.from === "server" && each.frame.params?.data === "own first");
      const request = frames.find((each) => each.from === "client" && each.frame.params?.message?.includes("own first"));
      const answered = frames.findIndex((each) => each.from === "server" && !each.frame.method && each.frame.id === request.frame.id);
      ok(arrived >= 0 && arrived < answered, "own signal before the result", { arrived, answered });
    },
    async "signal.from-is-the-connection"(_, { b, a }) {
      equal(b.of("signal").find((event) => event.data === "hello").from, a.id, "from");
    },
    async "signal.type-with-prefix-stays"(_, { a, b }) {
      await a.signal({ type: "signal:my-chat", data: "prefixed" });
      equal((await b.hears("prefixed", "signal:my-chat")).type, "signal:my-chat", "type");
    },
    async "signal.without-type"(_, { a, b }) {
      await a.signal({ data: "untyped" });
      await b.hears("untyped");
      equal(b.of("signal").find((event) => event.data === "untyped").type, "signal:signal", "type");
    },
    async "signal.targeted-reaches-only-the-target"(_, { a, b, c }) {
      equal(await a.signal({ to: [b.id], type: "my-chat", data: "for b" }), { ok: true }, "the promise");
      await fence(a, [a, b, c]);
      equal([a, b, c].map((person) => person.heard().includes("for b")), [false, true, false], "who heard it");
    },
    async "signal.targeted-to-oneself"(_, { a, b, c }) {
      await a.signal({ to: [a.id], type: "my-chat", data: "for me" });
      await fence(a, [a, b, c]);
      equal([a, b, c].map((person) => person.heard().includes("for me")), [true, false, false], "who heard it");
    },
    async "signal.targeted-to-two"(_, { a, b, c }) {
      await a.signal({ to: [b.id, c.id], type: "my-chat", data: "for two" });
      await fence(a, [a, b, c]);
      equal([a, b, c].map((person) => person.heard().includes("for two")), [false, true, true], "who heard it");
    },
    async "signal.duplicate-targets-hear-once"(_, { a, b }) {
      await a.signal({ to: [b.id, b.id, b.id], type: "my-chat", data: "once" });
      await fence(a, [b]);
      equal(b.heard().filter((data) => data === "once").length, 1, "times");
    },
    async "signal.unknown-target-is-601"(_, { a, b }) {
      const { error } = await a.signal({ to: [b.id, CON_UNKNOWN], type: "my-chat", data: "to a ghost" });
      equal(error?.code, 601, "code");
      await fence(a, [b]);
      equal(b.heard().includes("to a ghost"), false, "delivered to the known one");
    },
    async "signal.subscriber-may-send"(_, { b, c }) {
      equal(await b.signal({ type: "my-chat", data: "from a subscriber" }), { ok: true }, "the promise");
      equal((await c.hears("from a subscriber")).from, b.id, "from");
    },
    async "signal.falsy-data-is-empty"(_, { a, b }) {
      for (const [at, data] of [undefined, "", 0, false].entries()) {
        await a.signal({ type: `falsy-${at}`, ...(data === undefined ? {} : { data }) });
        const event = await b.event("signal", (each) => each.type === `signal:falsy-${at}`);
        equal([event.data, event.data_type], ["", "string"], `data for ${String(data)}`);
      }
    },
    async "signal.numbers-become-texts"(_, { a, b }) {
      await a.signal({ type: "number", data: 42 });
      equal((await b.event("signal", (each) => each.type === "signal:number")).data, "42", "data");
      await a.signal({ type: "boolean", data: true });
      equal((await b.event("signal", (each) => each.type === "signal:boolean")).data, "true", "data");
    },
    async "signal.objects-become-json"(_, { a, b }) {
      equal(await a.signal({ type: "object", data: { text: "hi", n: [1, null] } }), { ok: true }, "the promise");
      const event = await b.event("signal", (each) => each.type === "signal:object");
      equal(event.data_type, "string", "type of data");
      equal(JSON.parse(event.data), { text: "hi", n: [1, null] }, "data");
    },
    async "signal.call-style-chat"(_, { a, all }) {
      const data = JSON.stringify({ message: 'He said: "hi" 👋', nickname: "Ada" });
      await a.signal({ type: "chat", data });
      for (const person of all) {
        const event = await person.hears(data, "signal:chat");
        equal([event.type, event.from], ["signal:chat", a.id], "type and from");
      }
    },
    async "signal.any-type"(_, { a, b }) {
      for (const type of ["with space", "ünï", "a:b:c", "signal", "x".repeat(100)]) {
        await a.signal({ type, data: `type ${type}` });
        equal((await b.hears(`type ${type}`)).type, `signal:${type}`, "type");
      }
    },
    async "signal.rest-is-delivered-without-from"(world, { session, a, b }) {
      await world.signal({ session, type: "signal:my-chat", data: "from the back end" });
      for (const person of [a, b]) {
        const event = await person.hears("from the back end", "signal:my-chat");
        equal([event.type, event.from], ["signal:my-chat", "none"], "type and from");
      }
    },
    async "signal.rest-without-type-and-data"(world, { session, a }) {
      const before = a.of("signal").length;
      await world.signal({ session });
      const event = await until(() => a.of("signal")[before], "the event");
      equal([event.type, event.data_type], ["signal", "undefined"], "type, type of data");
    },
    async "signal.rest-type-without-prefix-reaches-listeners"(world, { session, a }) {
      await world.signal({ session, type: "my-chat", data: "bare type" });
      equal((await a.hears("bare type", "signal:my-chat")).type, "signal:my-chat", "type");
    },
    async "signal.rest-targeted"(world, { session, a, b, c }) {
      await world.signal({ session, to: [c.id], type: "my-chat", data: "rest for c" });
      await fence(a, [a, b, c]);
      equal([a, b, c].map((person) => person.heard().includes("rest for c")), [false, false, true], "who heard it");
    },
    async "signal.burst-of-100-stays-in-order"(_, { a, all }) {
      equal(await a.burst(100, "burst"), [], "promises that did not resolve");
      const expected = Array.from({ length: 100 }, (_, n) => `burst ${n}`);
      for (const person of all) {
        const heard = () => person.of("signal").filter((event) => event.type === "signal:burst").map((event) => event.data);
        await until(() => heard().length >= 100, "100 signals", 10_000);
        equal(heard(), expected, "order");
      }
    },
    async "signal.20000-characters"(_, { a, b }) {
      const data = "x".repeat(19_990) + "the end 👋";
      equal(await a.signal({ type: "my-chat", data }), { ok: true }, "the promise");
      await until(() => b.heard().includes(data), "the text");
    },
    async "signal.20000-quotes"(_, { a, b }) {
      const data = '"'.repeat(20_000);
      equal(await a.signal({ type: "my-chat", data }), { ok: true }, "the promise");
      await until(() => b.heard().includes(data), "the text");
    },
    async "signal.over-the-limit-is-600-and-settles"(_, { a, b }) {
      const { error } = await a.signal({ type: "my-chat", data: "y".repeat(200_000) });
      equal(error?.code, 600, "code");
      equal(a.of("reconnecting"), [], "reconnections");
      equal(await a.signal({ type: "my-chat", data: "after the long one" }), { ok: true }, "the next promise");
      await b.hears("after the long one");
    },
    ...Object.fromEntries(
      Object.entries(CHARACTERS).map(([name, data]) => [
        `signal.characters-${name}`,
        async (_, { a, b }) => {
          equal(await a.signal({ type: "my-chat", data }), { ok: true }, "the promise");
          await b.hears(data, "signal:my-chat");
        },
      ]),
    ),
    async "signal.before-connect-sends-no-frame"(world) {
      const page = await world.page();
      const error = await page.page.evaluate(() => {
        const session = (window.session = new OpenVidu().initSession());
        return session.signal({ data: "x" }).then(() => "sent", (reason) => reason.name);
      });
      equal([error, (await page.sockets()).length], ["OPENVIDU_NOT_CONNECTED", 0], "error and sockets");
    },
    async "signal.to-someone-gone-is-601"(world, { session, a }) {
      const gone = await world.member(session);
      await a.event("connectionCreated", (event) => event.id === gone.id);
      await gone.result("leaveRoom", {});
      await a.event("connectionDestroyed", (event) => event.id === gone.id);
      equal((await a.signal({ to: [gone.id], data: "x" })).error?.code, 601, "code");
    },
    async "signal.nobody-reconnected"(_, { all }) {
      equal(all.flatMap((person) => person.of("reconnecting")), [], "reconnections during all of this");
    },
  },
};

/** When these have heard it, they have heard everything that was sent before. */
let fences = 0;
async function fence(sender, people) {
  const data = `fence ${++fences}`;
  await sender.signal({ type: "fence", data });
  for (const person of people) await person.hears(data);
}

export const signal_wire = {
  async open(world) {
    const session = await world.session();
    const [a, b] = await world.members(session, 2);
    return { session, a, b };
  },
  cases: {
    async "signal.notification-shape"(_, { a, b }) {
      await a.signal({ to: [], data: "shape", type: "signal:my-chat" });
      const frame = await b.until((each) => each.params?.data === "shape", "the signal");
      equal(frame, { method: "sendMessage", params: { data: "shape", type: "signal:my-chat", from: a.id }, jsonrpc: "2.0" }, "the frame");
    },
    async "signal.result-is-an-object"(_, { a }) {
      const { sessionId, ...rest } = (await a.signal({ to: [], data: "x", type: "signal:x" })).result;
      equal(rest, {}, "the result");
      ok(sessionId === undefined || sessionId === a.rpc, "sessionId, if any, is the RPC id", sessionId);
    },
    async "signal.no-object-is-600"(_, { a }) {
      for (const message of ["no json", "7", "[]", '"x"', "null", ""]) equal((await a.signal(message)).error?.code, 600, `code for ${message}`);
    },
    async "signal.missing-message-is-an-error"(_, { a }) {
      ok(Number.isInteger((await a.error("sendMessage", {})).code), "it has a code");
    },
    async "signal.missing-to-is-everybody"(_, { a, b }) {
      await a.signal({ data: "no to", type: "signal:x" });
      for (const raw of [a, b]) await raw.notice("sendMessage", (params) => params.data === "no to");
    },
    async "signal.null-target-is-601"(_, { a }) {
      equal((await a.signal({ to: [null], data: "x", type: "signal:x" })).error?.code, 601, "code");
    },
    async "signal.targets-of-wrong-type"(_, { a }) {
      for (const to of ["con_A", 7, {}, [7], [{}]]) ok(a && [600, 601, -1].includes((await a.signal({ to, data: "x", type: "signal:x" })).error?.code), `an error for ${JSON.stringify(to)}`);
    },
    async "signal.type-is-forwarded-unchanged"(_, { a, b }) {
      await a.signal({ to: [], data: "odd type", type: "signal:UPPER lower/ö" });
      equal((await b.notice("sendMessage", (params) => params.data === "odd type")).type, "signal:UPPER lower/ö", "type");
    },
    async "signal.unknown-keys-are-ignored"(_, { a, b }) {
      await a.signal({ to: [], data: "more keys", type: "signal:x", extra: { a: 1 } });
      equal("extra" in (await b.notice("sendMessage", (params) => params.data === "more keys")), false, "the key came along");
    },
    async "signal.lone-surrogate-settles"(_, { a, b }) {
      const answer = await a.signal('{"to":[],"data":"lone \\ud800 end","type":"signal:lone"}');
      if (answer.error) equal(answer.error.code, 600, "code");
      else matches((await b.notice("sendMessage", (params) => params.type === "signal:lone")).data, /^lone (\ud800|\ufffd) end$/, "data");
      await a.signal({ to: [], data: "after lone", type: "signal:x" });
      await b.notice("sendMessage", (params) => params.data === "after lone");
    },
    async "signal.escaped-null"(_, { a, b }) {
      await a.signal('{"to":[],"data":"nul \\u0000 end","type":"signal:nul"}');
      equal((await b.notice("sendMessage", (params) => params.type === "signal:nul")).data, "nul \u0000 end", "data");
    },
    async "signal.two-senders-keep-their-orders"(_, { a, b }) {
      const send = (raw, name) => Promise.all(Array.from({ length: 50 }, (_, n) => raw.signal({ to: [], type: "signal:race", data: `${name} ${n}` })));
      await Promise.all([send(a, "a"), send(b, "b")]);
      const heard = (raw) => raw.signals().filter((each) => each.type === "signal:race").map((each) => each.data);
      for (const raw of [a, b]) await until(() => heard(raw).length >= 100, "100 signals");
      for (const raw of [a, b]) {
        for (const name of ["a", "b"]) {
          equal(heard(raw).filter((data) => data.startsWith(name)), Array.from({ length: 50 }, (_, n) => `${name} ${n}`), `order of ${name}`);
        }
      }
    },
    async "signal.over-the-limit-is-600-on-the-wire"(_, { a }) {
      equal((await a.signal({ to: [], data: "z".repeat(200_000), type: "signal:x" })).error?.code, 600, "code");
      between(a.frames.length, 1, 100_000, "frames");
      equal(a.closed, null, "closed");
    },
  },
};
