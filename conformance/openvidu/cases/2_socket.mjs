// Sections 4.1 to 4.4 and 6.1 on the wire: framing, ping, joinRoom, the order of frames, and what no client should send.
import { between, equal, matches, ok, pause, until } from "../expect.mjs";
import { joinParams } from "../raw.mjs";

const CON_UNKNOWN = "con_X000000000";

export const socket_framing = {
  cases: {
    async "ws.any-origin"(world) {
      const raw = await world.socket("?sessionId=x", { origin: "https://somewhere.example" });
      equal(await raw.result("ping", { interval: 5000 }), { value: "pong" }, "pong");
    },
    async "ws.unknown-session-is-accepted-then-refused"(world) {
      const raw = await world.socket("?sessionId=unknown");
      raw.request("ping", { interval: 5000 });
      const { code, message } = await raw.error("joinRoom", joinParams(`ws://${world.server.host}?sessionId=unknown&token=tok_Q0123456789abcde`));
      ok([202, 401].includes(code) && typeof message === "string", "code 202 or 401 and a text", { code, message });
    },
    async "ws.without-query"(world) {
      const session = await world.session();
      const raw = await world.socket();
      equal((await raw.join((await world.connection(session)).token)).session, session, "session");
    },
    async "ws.session-id-only-in-query"(world) {
      const session = await world.session();
      const page = await world.page();
      const { token } = await world.connection(session);
      await page.connect(token);
      equal((await page.sockets()).map((each) => each.url), [`ws://${world.server.host}/openvidu?sessionId=${session}`], "addresses");
      const join = (await page.frames()).find((each) => each.frame.method === "joinRoom");
      equal(join.frame.params.token, token, "the token in joinRoom");
    },
    async "ping.answered-before-joinRoom"(world) {
      const raw = await world.socket("?sessionId=x");
      raw.send('{"jsonrpc":"2.0","method":"ping","params":{"interval":5000},"id":0}');
      equal(await raw.answer(0), { id: 0, result: { value: "pong" }, jsonrpc: "2.0" }, "the frame");
    },
    async "ping.without-params"(world) {
      const raw = await world.socket("?sessionId=x");
      await raw.call("ping", { interval: 5000 });
      equal(await raw.result("ping"), { value: "pong" }, "pong");
    },
    async "ping.client-starts-with-it"(world) {
      const person = await world.person(await world.session());
      const frames = await person.frames();
      const sent = frames.filter((each) => each.from === "client").slice(0, 2);
      equal(sent.map((each) => [each.frame.method, each.frame.id]), [["ping", 0], ["joinRoom", 1]], "the first frames");
      ok(frames.some((each) => each.from === "server" && each.frame.id === 0 && each.frame.result?.value === "pong"), "the ping is answered");
    },
    async "rpc.ids-come-back-as-they-were"(world) {
      const raw = await world.socket();
      for (const id of [0, 77, 2_000_000_000]) {
        raw.request("ping", undefined, id);
        equal((await raw.answer(id)).id, id, "id");
      }
    },
    async "rpc.before-joinRoom-is-803"(world) {
      const raw = await world.socket();
      await raw.call("ping", { interval: 5000 });
      for (const [method, params] of [["sendMessage", { message: "{}" }], ["leaveRoom", {}], ["forceDisconnect", { connectionId: CON_UNKNOWN }], ["publishVideo", {}]]) {
        equal((await raw.error(method, params)).code, 803, `code of ${method}`);
      }
    },
    async "rpc.missing-token-is-refused"(world) {
      const raw = await world.socket();
      const { code } = await raw.error("joinRoom", {});
      ok([-1, 401, 404].includes(code), "code -1, 401 or 404", code);
    },
    async "rpc.media-methods-are-999"(world) {
      const raw = await world.member(await world.session());
      for (const method of ["publishVideo", "receiveVideoFrom", "onIceCandidate", "streamPropertyChanged", "forceUnpublish"]) {
        equal((await raw.error(method, { sdpOffer: "x" })).code, 999, `code of ${method}`);
      }
    },
    async "rpc.unknown-method-is-answered"(world) {
      const raw = await world.member(await world.session());
      ok(Number.isInteger((await raw.error("inventedMethod", {})).code), "it has a code");
    },
    async "rpc.echo-and-videoData"(world) {
      const raw = await world.member(await world.session());
      for (const method of ["echo", "videoData"]) ok(!("error" in (await raw.call(method, { a: 1 }))), `${method} has a result`);
    },
    async "rpc.failed-join-keeps-the-socket"(world) {
      const raw = await world.socket();
      await raw.error("joinRoom", joinParams(`ws://${world.server.host}?sessionId=x&token=tok_Q0123456789abcde`));
      await pause(400);
      equal(raw.closed, null, "closed");
      equal(await raw.result("ping", { interval: 5000 }), { value: "pong" }, "pong");
    },
    async "rpc.failed-join-then-second-connect"(world) {
      const session = await world.session();
      const page = await world.page();
      const { error } = await page.tryConnect(`ws://${world.server.host}?sessionId=${session}&token=tok_Q0123456789abcde`);
      equal(error?.code, 401, "code of the first");
      await page.connect((await world.connection(session)).token);
      equal(page.of("reconnecting"), [], "reconnections");
    },
    async "rpc.joinRoom-twice-on-one-socket"(world) {
      const session = await world.session();
      const raw = await world.member(session);
      const answer = await raw.call("joinRoom", joinParams((await world.connection(session)).token));
      ok("error" in answer, "the second join is refused", answer);
      equal(await raw.result("sendMessage", { message: '{"to":[],"data":"still here","type":"signal:x"}' }).then(() => "sent"), "sent", "the first goes on");
    },
  },
};

export const socket_join = {
  async open(world) {
    const session = await world.session();
    const older = await world.member(session, { metadata: "first one", data: "srv1" });
    const connection = await world.connection(session, { data: "srvA" });
    await pause(300);
    const raw = await world.socket(`?sessionId=${session}`);
    const before = Date.now();
    const joined = await raw.join(connection.token, '{"clientData":"Alice"}');
    return { session, older, connection, raw, before, joined };
  },
  cases: {
    async "join.result-id"(_, { joined, connection }) {
      equal(joined.id, connection.id, "id");
    },
    async "join.result-session"(_, { joined, session }) {
      equal(joined.session, session, "session");
    },
    async "join.result-sessionId-is-the-rpc-secret"(_, { joined, session, connection, older }) {
      matches(joined.sessionId, /^[A-Za-z0-9_-]{16,}$/, "sessionId");
      ok(![session, connection.id, older.rpc].includes(joined.sessionId), "it is a secret of its own", joined.sessionId);
    },
    async "join.result-role"(world, { session, joined }) {
      equal(joined.role, "PUBLISHER", "role by default");
      for (const role of ["SUBSCRIBER", "MODERATOR"]) equal((await world.member(session, { role })).joined.role, role, "role");
    },
    async "join.result-value"(_, { joined, older }) {
      equal(joined.value, [{ id: older.id, createdAt: older.joined.createdAt, metadata: "first one%/%srv1" }], "value");
    },
    async "join.result-value-is-empty-for-the-first"(_, { older }) {
      equal(older.joined.value, [], "value");
    },
    async "join.result-version"(_, { joined }) {
      matches(joined.version, /^\d+\.\d+\.\d+$/, "version");
    },
    async "join.result-version-is-the-client's"(world, { session }) {
      const raw = await world.socket();
      const { version } = await raw.join((await world.connection(session)).token, "", { sdkVersion: "2.25.0" });
      equal(version, "2.25.0", "version for 2.25.0");
    },
    async "join.result-createdAt-is-the-join"(world, { joined, before, connection, session }) {
      between(joined.createdAt, before - 50, before + 5000, "createdAt");
      const { json } = await world.api("GET", `sessions/${session}/connection/${connection.id}`);
      equal(json.activeAt, joined.createdAt, "activeAt by REST");
    },
    async "join.result-metadata"(_, { joined }) {
      equal(joined.metadata, '{"clientData":"Alice"}%/%srvA', "metadata");
    },
    async "join.result-metadata-of-one-part"(world, { session }) {
      equal((await world.member(session, { metadata: "only client" })).joined.metadata, "only client", "client data alone");
      equal((await world.member(session, { data: "only server" })).joined.metadata, "only server", "server data alone");
      equal((await world.member(session)).joined.metadata, "", "neither");
    },
    async "join.result-record"(world, { session, joined }) {
      equal(joined.record, true, "record by default");
      equal((await world.member(session, { record: false })).joined.record, false, "record");
    },
    async "join.result-life-is-absent"(_, { joined }) {
      ok(!("life" in joined) || joined.life === -1, "life is absent or -1", joined.life);
    },
    async "join.secret-gives-no-privilege-to-strangers"(world, { session }) {
      const raw = await world.socket();
      const answer = await raw.call("joinRoom", joinParams(`ws://${world.server.host}?sessionId=${session}&token=tok_Q0123456789abcde`, "", { secret: "wrong", recorder: true }));
      ok("error" in answer, "it is refused", answer);
    },
    async "join.odd-metadata-is-kept"(world, { session }) {
      for (const metadata of ["héllo 👋 \u202bשלום\u202c", '{"a":"%/%"}', "a\u2028b"]) {
        equal((await world.member(session, { metadata })).joined.metadata, metadata, "metadata");
      }
    },
  },
};

export const socket_order = {
  async open(world) {
    const session = await world.session();
    return { session, moderator: await world.member(session, { role: "MODERATOR" }), other: await world.member(session) };
  },
  cases: {
    async "order.others-hear-participantJoined"(world, { session, moderator, other }) {
      const joiner = await world.member(session, { metadata: "c", data: "s" });
      const expected = { id: joiner.id, createdAt: joiner.joined.createdAt, metadata: "c%/%s" };
      for (const raw of [moderator, other]) equal(await raw.notice("participantJoined", (params) => params.id === joiner.id), expected, "params");
      await joiner.result("leaveRoom", {});
    },
    async "order.joinRoom-result-is-first-for-the-newcomer"(world, { session, other }) {
      // Somebody talks all the time while somebody joins.
      let isTalking = true;
      const talk = (async () => {
        for (let n = 0; isTalking; n++) await other.signal({ to: [], type: "signal:x", data: `talk ${n}` });
      })();
      try {
        for (let n = 0; n < 5; n++) {
          const joiner = await world.member(session);
          await joiner.notice("sendMessage");
          equal(joiner.story()[0], "result", "the first frame after the pong");
          const numbers = joiner.signals().map((each) => Number(each.data.split(" ")[1]));
          equal(numbers, numbers.map((_, at) => numbers[0] + at), "what is heard has no gap");
          equal(joiner.notices("participantJoined"), [], "participantJoined for itself");
          await joiner.result("leaveRoom", {});
        }
      } finally {
        isTalking = false;
        await talk;
      }
    },
    async "order.participantJoined-is-before-the-first-signal"(world, { session, other }) {
      const joiner = await world.member(session);
      await joiner.signal({ to: [], type: "signal:x", data: "hello of the new one" });
      await other.notice("sendMessage", (params) => params.data === "hello of the new one");
      const joined = other.frames.findIndex((frame) => frame.method === "participantJoined" && frame.params.id === joiner.id);
      const spoke = other.frames.findIndex((frame) => frame.params?.data === "hello of the new one");
      ok(joined >= 0 && joined < spoke, "joined before spoke", { joined, spoke });
      await joiner.result("leaveRoom", {});
    },
    async "order.broadcast-reaches-sender-before-the-result"(_, { other }) {
      const from = other.frames.length;
      await other.signal({ to: [], type: "signal:x", data: "own" });
      equal(other.story(from), ["sendMessage", "result"], "frames of the sender");
    },
    async "order.leave"(world, { session, other }) {
      const leaver = await world.member(session);
      const from = leaver.frames.length;
      equal(Object.keys(await leaver.result("leaveRoom", {})).filter((key) => key !== "sessionId"), [], "the result");
      equal(await other.notice("participantLeft", (params) => params.connectionId === leaver.id), { connectionId: leaver.id, reason: "disconnect" }, "params");
      equal(leaver.story(from), ["result"], "frames of the leaver");
    },
    async "order.eviction-by-moderator"(world, { session, moderator, other }) {
      const target = await world.member(session);
      await other.notice("participantJoined", (params) => params.id === target.id);
      await moderator.notice("participantJoined", (params) => params.id === target.id);
      const starts = [moderator, other, target].map((raw) => raw.frames.length);
      const params = { connectionId: target.id, reason: "forceDisconnectByUser" };
      equal(Object.keys(await moderator.result("forceDisconnect", { connectionId: target.id })).filter((key) => key !== "sessionId"), [], "the result");
      for (const raw of [moderator, other, target]) equal(await raw.notice("participantEvicted", (each) => each.connectionId === target.id), params, "participantEvicted");
      for (const raw of [moderator, other]) equal(await raw.notice("participantLeft", (each) => each.connectionId === target.id), params, "participantLeft");
      const stories = [moderator, other, target].map((raw, at) => raw.story(starts[at]));
      equal(stories, [["participantLeft", "result", "participantEvicted"], ["participantLeft", "participantEvicted"], ["participantEvicted"]], "frames of moderator, other, target");
    },
    async "order.eviction-by-rest"(world, { session, moderator, other }) {
      const target = await world.member(session);
      await other.notice("participantJoined", (each) => each.id === target.id);
      const starts = [other, target].map((raw) => raw.frames.length);
      equal((await world.api("DELETE", `sessions/${session}/connection/${target.id}`)).status, 204, "status");
      const params = { connectionId: target.id, reason: "forceDisconnectByServer" };
      for (const raw of [moderator, other, target]) equal(await raw.notice("participantEvicted", (each) => each.connectionId === target.id), params, "participantEvicted");
      equal([other, target].map((raw, at) => raw.story(starts[at])), [["participantLeft", "participantEvicted"], ["participantEvicted"]], "frames of other and target");
    },
    async "evict.only-moderators"(_, { moderator, other }) {
      equal((await other.error("forceDisconnect", { connectionId: moderator.id })).code, 401, "code");
    },
    async "evict.unknown-is-102"(_, { moderator }) {
      equal((await moderator.error("forceDisconnect", { connectionId: CON_UNKNOWN })).code, 102, "code");
    },
    async "evict.evicted-may-not-speak"(world, { session, moderator, other }) {
      const target = await world.member(session);
      await moderator.result("forceDisconnect", { connectionId: target.id });
      await target.notice("participantEvicted");
      const answer = await Promise.race([target.signal({ to: [], type: "signal:x", data: "from beyond" }), until(() => target.closed, "an answer or the end")]);
      ok(answer.error || answer.code, "it is refused", answer);
      await world.signal({ session, data: "after beyond" });
      await other.notice("sendMessage", (params) => params.data === "after beyond");
      equal(other.signals().some((each) => each.data === "from beyond"), false, "it was heard");
    },
    async "evict.session-closed-by-rest"(world) {
      const session = await world.session();
      const members = await world.members(session, 3);
      equal((await world.api("DELETE", `sessions/${session}`)).status, 204, "status");
      for (const raw of members) {
        const params = await raw.notice("participantEvicted", (each) => each.connectionId === raw.id);
        equal(params, { connectionId: raw.id, reason: "sessionClosedByServer" }, "params");
      }
    },
    async "property.role-changes-reach-the-owner"(world, { session, other }) {
      const { status } = await world.api("PATCH", `sessions/${session}/connection/${other.id}`, { role: "MODERATOR" });
      equal(status, 200, "status");
      equal(await other.notice("connectionPropertyChanged"), { property: "role", newValue: "MODERATOR" }, "params");
      equal((await other.error("forceDisconnect", { connectionId: CON_UNKNOWN })).code, 102, "code after the change: it is allowed, the target is unknown");
    },
    async "property.record-changes-are-texts"(world, { session, other }) {
      await world.api("PATCH", `sessions/${session}/connection/${other.id}`, { record: false });
      equal(await other.notice("connectionPropertyChanged", (each) => each.property === "record"), { property: "record", newValue: "false" }, "params");
    },
  },
};

/** Frames that no client of the vendor sends. Each is answered with an error, and nobody else notices. */
export const socket_hostile = {
  async open(world) {
    const session = await world.session();
    return { session, witness: await world.member(session), raw: await world.member(session) };
  },
  cases: {
    async "hostile.batch"(world, context) {
      await refused(world, context, '[{"jsonrpc":"2.0","method":"ping","id":900},{"jsonrpc":"2.0","method":"ping","id":901}]');
    },
    async "hostile.empty-batch"(world, context) {
      await refused(world, context, "[]");
    },
    async "hostile.no-json"(world, context) {
      await refused(world, context, "hello?");
    },
    async "hostile.no-object"(world, context) {
      for (const text of ["null", "7", '"ping"', "true"]) await refused(world, context, text);
    },
    async "hostile.no-method"(world, context) {
      await refused(world, context, '{"jsonrpc":"2.0","id":910}');
    },
    async "hostile.method-of-wrong-type"(world, context) {
      for (const method of ["7", "null", "{}", "[]"]) await refused(world, context, `{"jsonrpc":"2.0","method":${method},"id":920}`);
    },
    async "hostile.params-of-wrong-type"(world, context) {
      for (const params of ['"x"', "[1]", "7", "null"]) await refused(world, context, `{"jsonrpc":"2.0","method":"sendMessage","params":${params},"id":930}`);
    },
    async "hostile.message-of-wrong-type"(world, context) {
      for (const message of ["7", "null", "{}", "[]"]) await refused(world, context, `{"jsonrpc":"2.0","method":"sendMessage","params":{"message":${message}},"id":940}`);
    },
    async "hostile.token-of-wrong-type"(world, { witness }) {
      for (const token of [7, null, {}, []]) {
        const raw = await world.socket();
        ok("error" in (await raw.call("joinRoom", { token, session: "x", metadata: "" })), "it is refused");
      }
      await alive(witness);
    },
    async "hostile.metadata-of-wrong-type"(world, { session, witness }) {
      const raw = await world.socket();
      const { token } = await world.connection(session);
      const answer = await raw.call("joinRoom", joinParams(token, { not: "a text" }));
      ok("error" in answer || typeof answer.result.metadata === "string", "refused, or made a text", answer);
      await alive(witness);
    },
    async "hostile.connect-of-wrong-type"(world, { witness }) {
      for (const params of [{}, { sessionId: 7 }, { sessionId: null }, { sessionId: [] }]) {
        const raw = await world.socket("?sessionId=x&reconnect=true");
        ok("error" in (await raw.call("connect", { ...params, reconnect: true })), `${JSON.stringify(params)} is refused`);
      }
      await alive(witness);
    },
    async "hostile.odd-ids"(world, context) {
      for (const id of ['"text"', "1.5", "-1", "99999999999999999999"]) {
        context.raw.send(`{"jsonrpc":"2.0","method":"ping","id":${id}}`);
      }
      await alive(context.raw);
      await alive(context.witness);
    },
    async "hostile.deep-nesting"(_, { raw, witness }) {
      const nested = "[".repeat(4000) + "]".repeat(4000);
      const answer = await raw.signal(`{"to":[],"type":"signal:x","data":${nested}}`);
      ok(answer.result || answer.error.code, "it is answered, one way or the other", answer);
      raw.send(`{"jsonrpc":"2.0","method":"ping","params":${nested},"id":951}`);
      await raw.answer(951).catch(() => undefined);
      await alive(raw);
      await alive(witness);
    },
    async "hostile.binary-frame"(world, { session, witness }) {
      const raw = await world.member(session);
      const from = raw.frames.length;
      raw.send(Buffer.from([0xff, 0x00, 0x80]));
      await until(() => raw.closed || raw.frames.length > from, "an error or the end of the socket");
      await alive(witness);
      raw.drop();
    },
    async "hostile.forged-from"(_, { raw, witness }) {
      for (const [data, message, params] of [["forged in params", {}, { from: witness.id }], ["forged in message", { from: witness.id }, {}]]) {
        await raw.signal({ to: [], type: "signal:x", data, ...message }, params);
        equal((await witness.notice("sendMessage", (each) => each.data === data)).from, raw.id, "from");
      }
    },
    async "hostile.nobody-noticed"(_, { raw, witness }) {
      equal(witness.notices("participantLeft").map((each) => each.connectionId).filter((id) => id === raw.id), [], "departures");
      await alive(witness);
    },
  },
};

/** Sends what may not be; it must be answered by an error, after which the socket still works. */
async function refused(world, context, text) {
  if (context.raw.closed) context.raw = await world.member(context.session);
  const { raw, witness } = context;
  const from = raw.frames.length;
  raw.send(text);
  const answer = await until(() => raw.closed || raw.frames.slice(from).find((frame) => !frame.method && frame.result?.value !== "pong"), `an answer to ${text.slice(0, 60)}`);
  ok("error" in answer, `an error for ${text.slice(0, 60)}`, answer);
  await alive(raw);
  await alive(witness);
}

async function alive(raw) {
  equal(await raw.result("ping"), { value: "pong" }, "pong");
}
