// Sections 2 and 3: identifiers, tokens and the REST API, bare and through the vendor's node client.
import { between, equal, matches, ok, pause } from "../expect.mjs";

const SESSION = /^ses_[A-Z][a-zA-Z0-9]{9}$/;
const CONNECTION = /^con_[A-Z][a-zA-Z0-9]{9}$/;

/** A failure with an explanation: the status again, its phrase, a message and the path. */
function explained(answer, status, path) {
  equal(answer.status, status, "status");
  const { timestamp, error, message, ...rest } = answer.json ?? {};
  equal(rest, { status, path }, "status and path in the body");
  between(timestamp, Date.now() - 60_000, Date.now() + 60_000, "timestamp");
  ok(typeof error === "string" && typeof message === "string", "error and message are texts", answer.json);
}

function bare(answer, status) {
  equal([answer.status, answer.text], [status, ""], "status and body");
}

async function rejects(promise, message, what) {
  const reason = await promise.then(() => "nothing", (error) => error.message);
  equal(reason, message, what);
}

const now = () => [Date.now() - 60_000, Date.now() + 60_000];

export const rest_basics = {
  cases: {
    async "rest.auth.missing-is-401"(world) {
      const answer = await world.api("GET", "sessions", undefined, { auth: false });
      equal(answer.status, 401, "status");
      matches(answer.headers.get("www-authenticate"), /^Basic/, "WWW-Authenticate");
    },
    async "rest.auth.wrong-secret-is-401"(world) {
      const answer = await world.api("GET", "sessions", undefined, { headers: { authorization: world.server.authorization("OPENVIDUAPP", "wrong") } });
      equal(answer.status, 401, "status");
      matches(answer.headers.get("www-authenticate"), /^Basic/, "WWW-Authenticate");
    },
    async "rest.auth.wrong-user-is-401"(world) {
      const answer = await world.api("GET", "sessions", undefined, { headers: { authorization: world.server.authorization("SOMEBODY") } });
      equal(answer.status, 401, "status");
    },
    async "rest.auth.node-client-hears-401"(world) {
      await rejects(world.node("wrong").createSession(), "401", "createSession() with a wrong secret");
    },
    async "rest.node-client-drops-a-path-of-its-address"(world) {
      const node = world.node(undefined, "some/path");
      matches((await node.createSession()).sessionId, SESSION, "sessionId");
    },
    async "rest.cors.preflight-needs-no-auth"(world) {
      const headers = { origin: "https://app.example", "access-control-request-method": "DELETE", "access-control-request-headers": "authorization,content-type,x-own" };
      const answer = await world.api("OPTIONS", "sessions/any", undefined, { auth: false, headers });
      between(answer.status, 200, 204, "status");
      matches(answer.headers.get("access-control-allow-origin"), /^(\*|https:\/\/app\.example)$/, "allowed origin");
      matches(answer.headers.get("access-control-allow-methods"), /\*|DELETE/, "allowed methods");
      matches(answer.headers.get("access-control-allow-headers"), /\*|x-own/i, "allowed headers");
    },
    async "rest.cors.answers-name-the-origin"(world) {
      const answer = await world.api("GET", "sessions", undefined, { headers: { origin: "https://app.example" } });
      matches(answer.headers.get("access-control-allow-origin"), /^(\*|https:\/\/app\.example)$/, "allowed origin");
    },
    async "rest.config.publicurl-needs-no-auth"(world) {
      const answer = await world.api("GET", "config/openvidu-publicurl", undefined, { auth: false });
      equal([answer.status, new URL(answer.text).host], [200, world.server.host], "status and host");
    },
    async "rest.config.version"(world) {
      const answer = await world.api("GET", "config/openvidu-version");
      equal([answer.status, answer.text], [200, "2.32.2"], "status and body");
    },
    async "rest.config.object"(world) {
      const { status, json } = await world.api("GET", "config");
      equal([status, json?.VERSION, new URL(json?.OPENVIDU_PUBLICURL).host], [200, "2.32.2", world.server.host], "status, version, host");
    },
    async "rest.media.recordings-are-501"(world) {
      equal((await world.api("GET", "recordings")).status, 501, "GET recordings");
      equal((await world.api("POST", "recordings/start", { session: "x" })).status, 501, "POST recordings/start");
    },
    async "rest.media.broadcast-is-501"(world) {
      equal((await world.api("POST", "broadcast/start", { session: "x" })).status, 501, "POST broadcast/start");
    },
    async "rest.old-paths-without-prefix"(world) {
      const old = (method, path, body) => world.api(method, path, body, { root: "" });
      const session = await old("POST", "api/sessions", {});
      equal(session.status, 200, "POST /api/sessions");
      equal((await old("POST", "api/tokens", { session: session.json.id })).status, 200, "POST /api/tokens");
      equal((await old("POST", "api/signal", { session: session.json.id })).status, 406, "POST /api/signal");
      equal((await old("GET", "config")).status, 200, "GET /config");
    },
  },
};

export const rest_sessions = {
  cases: {
    async "rest.session.create-shape"(world) {
      const { status, json } = await world.api("POST", "sessions", {});
      const { id, sessionId, createdAt, ...rest } = json;
      equal([status, sessionId], [200, id], "status and ids");
      between(createdAt, ...now(), "createdAt");
      equal(
        rest,
        {
          object: "session", recording: false, broadcasting: false, mediaMode: "ROUTED", recordingMode: "MANUAL", customSessionId: "", forcedVideoCodec: "VP8", allowTranscoding: false,
          defaultRecordingProperties: { name: "", hasAudio: true, hasVideo: true, outputMode: "COMPOSED", recordingLayout: "BEST_FIT", resolution: "1280x720", frameRate: 25, shmSize: 536870912 },
          connections: { numberOfElements: 0, content: [] },
        },
        "the rest of the session",
      );
    },
    async "rest.session.create-defaults"(world) {
      const session = await world.node().createSession();
      matches(session.sessionId, SESSION, "sessionId");
      equal([session.properties.mediaMode, session.properties.recordingMode], ["ROUTED", "MANUAL"], "properties");
      between(session.createdAt, ...now(), "createdAt");
    },
    async "rest.session.id-format"(world) {
      matches(await world.session(), SESSION, "id");
    },
    async "rest.session.no-body"(world) {
      equal((await world.api("POST", "sessions")).status, 200, "status");
    },
    async "rest.session.null-and-unknown-keys"(world) {
      const { status, json } = await world.api("POST", "sessions", { mediaMode: null, customSessionId: null, recordingMode: null, notKnown: { a: [1] } });
      equal([status, json.mediaMode, json.customSessionId], [200, "ROUTED", ""], "status and defaults");
    },
    async "rest.session.properties-are-kept"(world) {
      const { json } = await world.api("POST", "sessions", { mediaMode: "RELAYED", recordingMode: "ALWAYS" });
      equal([json.mediaMode, json.recordingMode], ["RELAYED", "ALWAYS"], "modes");
    },
    async "rest.session.custom-id"(world) {
      const { json } = await world.api("POST", "sessions", { customSessionId: "My-class_1" });
      equal([json.id, json.sessionId, json.customSessionId], ["My-class_1", "My-class_1", "My-class_1"], "ids");
    },
    async "rest.session.custom-id-twice-is-bare-409"(world) {
      await world.session({ customSessionId: "twice" });
      bare(await world.api("POST", "sessions", { customSessionId: "twice" }), 409);
    },
    async "rest.session.node-client-falls-back-after-409"(world) {
      const properties = { customSessionId: "fallback" };
      const first = await world.node().createSession(properties);
      const second = await world.node().createSession(properties);
      equal([first.sessionId, second.sessionId], ["fallback", "fallback"], "ids");
      matches((await second.createConnection()).token, /sessionId=fallback/, "the token of the second object");
    },
    async "rest.session.custom-id-characters"(world) {
      for (const customSessionId of ["with space", "a/b", "ä"]) {
        explained(await world.api("POST", "sessions", { customSessionId }), 400, "/openvidu/api/sessions");
      }
    },
    async "rest.session.wrong-types-are-400"(world) {
      for (const body of [{ mediaMode: 1 }, { recordingMode: [] }, { customSessionId: 5 }, { defaultRecordingProperties: "x" }, { mediaNode: "x" }]) {
        equal((await world.api("POST", "sessions", body)).status, 400, JSON.stringify(body));
      }
    },
    async "rest.session.unknown-values-are-400"(world) {
      for (const body of [{ mediaMode: "OTHER" }, { recordingMode: "SOMETIMES" }, { forcedVideoCodec: "OTHER" }]) {
        equal((await world.api("POST", "sessions", body)).status, 400, JSON.stringify(body));
      }
    },
    async "rest.session.malformed-body-is-400"(world) {
      equal((await world.api("POST", "sessions", "{")).status, 400, "status");
    },
    async "rest.session.errors-explain"(world) {
      explained(await world.api("POST", "sessions", { mediaMode: 1 }), 400, "/openvidu/api/sessions");
    },
    async "rest.session.get"(world) {
      const id = await world.session();
      const { status, json } = await world.api("GET", `sessions/${id}`);
      equal([status, json.id, json.sessionId, json.object, json.connections], [200, id, id, "session", { numberOfElements: 0, content: [] }], "the session");
    },
    async "rest.session.get-unknown-is-bare-404"(world) {
      bare(await world.api("GET", "sessions/unknown"), 404);
    },
    async "rest.session.list"(world) {
      const id = await world.session();
      const { status, json } = await world.api("GET", "sessions");
      equal([status, json.numberOfElements], [200, json.content.length], "status and count");
      ok(json.content.some((each) => each.sessionId === id), "the new session is listed", json.content.map((each) => each.sessionId));
    },
    async "rest.session.pending-connections-are-left-out"(world) {
      const id = await world.session();
      await world.connection(id);
      equal((await world.api("GET", `sessions/${id}`)).json.connections.numberOfElements, 0, "of the session");
      const listed = (await world.api("GET", "sessions")).json.content.find((each) => each.id === id);
      equal(listed.connections.numberOfElements, 0, "in the list");
    },
    async "rest.session.pending-connections-on-request"(world) {
      const id = await world.session();
      const connection = await world.connection(id);
      const { json } = await world.api("GET", `sessions/${id}?pendingConnections=true`);
      equal(json.connections.content.map((each) => each.id), [connection.id], "of the session");
      const list = await world.api("GET", "sessions?pendingConnections=true");
      equal(list.json.content.find((each) => each.id === id).connections.numberOfElements, 1, "in the list");
    },
    async "rest.session.delete"(world) {
      const id = await world.session();
      bare(await world.api("DELETE", `sessions/${id}`), 204);
      bare(await world.api("GET", `sessions/${id}`), 404);
    },
    async "rest.session.delete-unknown-is-bare-404"(world) {
      bare(await world.api("DELETE", "sessions/unknown"), 404);
    },
    async "rest.session.delete-frees-the-custom-id"(world) {
      await world.session({ customSessionId: "again" });
      await world.api("DELETE", "sessions/again");
      equal(await world.session({ customSessionId: "again" }), "again", "id");
    },
    async "rest.session.delete-kills-tokens"(world) {
      const id = await world.session();
      const { token } = await world.connection(id);
      await world.api("DELETE", `sessions/${id}`);
      const raw = await world.socket(`?sessionId=${id}`);
      const { code } = await raw.error("joinRoom", { token, session: id, metadata: "" });
      ok([202, 401].includes(code), "code 202 or 401", code);
    },
    async "rest.session.node-client-fetches-one"(world) {
      const session = await world.node().createSession();
      const connection = await session.createConnection();
      await session.fetch();
      equal(session.connections.map((each) => each.connectionId), [connection.connectionId], "connections");
      equal(session.activeConnections, [], "active connections");
    },
    async "rest.session.node-client-fetches-all"(world) {
      const id = await world.session();
      const node = world.node();
      equal(await node.fetch(), true, "a change was seen");
      ok(node.activeSessions.some((each) => each.sessionId === id), "the session is there", node.activeSessions.length);
    },
    async "rest.session.node-client-closes"(world) {
      const session = await world.node().createSession();
      await session.close();
      bare(await world.api("GET", `sessions/${session.sessionId}`), 404);
      await rejects(session.close(), "404", "close() again");
    },
  },
};

export const rest_connections = {
  async open(world) {
    return { session: await world.session() };
  },
  cases: {
    async "rest.connection.create-shape"(world, { session }) {
      const { status, json } = await world.api("POST", `sessions/${session}/connection`, {});
      const { id, connectionId, createdAt, token, ...rest } = json;
      equal([status, connectionId], [200, id], "status and ids");
      between(createdAt, ...now(), "createdAt");
      equal(
        rest,
        {
          object: "connection", status: "pending", sessionId: session, type: "WEBRTC", record: true, role: "PUBLISHER", serverData: "", kurentoOptions: null, customIceServers: [], rtspUri: null,
          adaptativeBitrate: null, onlyPlayWithSubscribers: null, networkCache: null, activeAt: null, location: null, ip: null, platform: null, clientData: null, publishers: null, subscribers: null,
        },
        "the rest of the connection",
      );
    },
    async "rest.connection.no-body"(world, { session }) {
      equal((await world.api("POST", `sessions/${session}/connection`)).status, 200, "status");
    },
    async "rest.connection.id-format"(world, { session }) {
      matches((await world.connection(session)).id, CONNECTION, "id");
    },
    async "rest.connection.token-format"(world, { session }) {
      const { token } = await world.connection(session);
      const [address, secret] = token.split("&token=");
      equal(address, `ws://${world.server.host}?sessionId=${session}`, "the token before its secret");
      matches(secret, /^tok_[A-Z][a-zA-Z0-9]{15}(&(?!edition)[^&]*)*$/, "the secret");
    },
    async "rest.connection.node-client-creates"(world) {
      const session = await world.node().createSession();
      const connection = await session.createConnection({ role: "MODERATOR", data: "from the back end" });
      matches(connection.connectionId, CONNECTION, "connectionId");
      matches(connection.token, /^ws:\/\//, "token");
      equal([connection.status, connection.connectionProperties.role, connection.connectionProperties.data], ["pending", "MODERATOR", "from the back end"], "status, role, data");
    },
    async "rest.connection.roles"(world, { session }) {
      for (const role of ["SUBSCRIBER", "PUBLISHER", "MODERATOR"]) equal((await world.connection(session, { role })).role, role, "role");
    },
    async "rest.connection.data-is-called-serverData"(world, { session }) {
      const json = await world.connection(session, { data: "hello", record: false });
      equal([json.serverData, json.record, "data" in json], ["hello", false, false], "serverData, record, data");
    },
    async "rest.connection.null-keys"(world, { session }) {
      const keys = ["type", "role", "data", "record", "kurentoOptions", "customIceServers", "rtspUri", "adaptativeBitrate", "onlyPlayWithSubscribers", "networkCache"];
      const json = await world.connection(session, Object.fromEntries(keys.map((key) => [key, null])));
      equal([json.type, json.role, json.serverData, json.record], ["WEBRTC", "PUBLISHER", "", true], "defaults");
    },
    async "rest.connection.wrong-types-are-400"(world, { session }) {
      for (const body of [{ type: 1 }, { role: 7 }, { data: {} }, { role: "KING" }, { type: "OTHER" }, { record: "yes" }]) {
        equal((await world.api("POST", `sessions/${session}/connection`, body)).status, 400, JSON.stringify(body));
      }
    },
    async "rest.connection.unknown-session-is-404"(world) {
      equal((await world.api("POST", "sessions/unknown/connection", {})).status, 404, "status");
    },
    async "rest.connection.get"(world, { session }) {
      const connection = await world.connection(session, { data: "x" });
      const { status, json } = await world.api("GET", `sessions/${session}/connection/${connection.id}`);
      equal([status, json], [200, connection], "status and connection");
    },
    async "rest.connection.get-unknown-session-is-bare-400"(world) {
      bare(await world.api("GET", "sessions/unknown/connection/con_X000000000"), 400);
    },
    async "rest.connection.get-unknown-is-bare-404"(world, { session }) {
      bare(await world.api("GET", `sessions/${session}/connection/con_X000000000`), 404);
    },
    async "rest.connection.list-holds-pending"(world) {
      const session = await world.session();
      const { id } = await world.connection(session);
      const { json } = await world.api("GET", `sessions/${session}/connection`);
      equal([json.numberOfElements, json.content.map((each) => each.id)], [1, [id]], "the list");
    },
    async "rest.connection.list-without-pending"(world) {
      const session = await world.session();
      await world.connection(session);
      const member = await world.member(session);
      const { json } = await world.api("GET", `sessions/${session}/connection?pendingConnections=false`);
      equal([json.numberOfElements, json.content.map((each) => each.id)], [1, [member.id]], "the list");
    },
    async "rest.connection.list-unknown-session-is-404"(world) {
      equal((await world.api("GET", "sessions/unknown/connection")).status, 404, "status");
    },
    async "rest.connection.delete-revokes-the-token"(world, { session }) {
      const { id, token } = await world.connection(session);
      bare(await world.api("DELETE", `sessions/${session}/connection/${id}`), 204);
      bare(await world.api("GET", `sessions/${session}/connection/${id}`), 404);
      const raw = await world.socket(`?sessionId=${session}`);
      equal((await raw.error("joinRoom", { token, session, metadata: "" })).code, 401, "code");
    },
    async "rest.connection.delete-failures"(world, { session }) {
      bare(await world.api("DELETE", "sessions/unknown/connection/con_X000000000"), 400);
      equal((await world.api("DELETE", `sessions/${session}/connection/con_X000000000`)).status, 404, "unknown connection");
    },
    async "rest.connection.form-content-type-is-accepted"(world, { session }) {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const { id } = await world.connection(session);
      equal((await world.api("GET", `sessions/${session}`, undefined, { headers })).status, 200, "GET");
      equal((await world.api("DELETE", `sessions/${session}/connection/${id}`, undefined, { headers })).status, 204, "DELETE");
    },
    async "rest.connection.patch-pending"(world, { session }) {
      const { id } = await world.connection(session);
      const { status, json } = await world.api("PATCH", `sessions/${session}/connection/${id}`, { role: "SUBSCRIBER", record: false });
      equal([status, json.id, json.role, json.record], [200, id, "SUBSCRIBER", false], "the connection");
    },
    async "rest.connection.patch-unknown-is-404"(world, { session }) {
      equal((await world.api("PATCH", `sessions/${session}/connection/con_X000000000`, { role: "SUBSCRIBER" })).status, 404, "status");
    },
    async "rest.connection.node-client-updates"(world) {
      const session = await world.node().createSession();
      const { connectionId } = await session.createConnection();
      const connection = await session.updateConnection(connectionId, { role: "MODERATOR" });
      equal(connection.connectionProperties.role, "MODERATOR", "role");
      equal((await world.api("GET", `sessions/${session.sessionId}/connection/${connectionId}`)).json.role, "MODERATOR", "role by REST");
    },
    async "rest.connection.node-client-revokes"(world) {
      const session = await world.node().createSession();
      const { connectionId } = await session.createConnection();
      await session.forceDisconnect(connectionId);
      equal((await world.api("GET", `sessions/${session.sessionId}/connection/${connectionId}`)).status, 404, "status");
    },
    async "rest.connection.custom-id-in-data"(world, { session }) {
      const json = await world.connection(session, { data: JSON.stringify({ openviduCustomConnectionId: "ada-1!x" }) });
      equal(json.id, "con_ada1x", "id");
    },
    async "rest.connection.active-shape"(world) {
      const session = await world.session();
      const pending = await world.connection(session, { data: "srv" });
      const raw = await world.socket(`?sessionId=${session}`);
      await raw.join(pending.token, "client words", { platform: "A platform" });
      const { json } = await world.api("GET", `sessions/${session}/connection/${pending.id}`);
      equal([json.id, json.status, json.platform, json.clientData, json.serverData], [pending.id, "active", "A platform", "client words", "srv"], "what is known of it");
      equal([json.location, json.publishers, json.subscribers, json.token], ["unknown", [], [], pending.token], "location, publishers, subscribers, token");
      between(json.activeAt, json.createdAt, Date.now() + 1000, "activeAt");
      matches(json.ip, /127\.0\.0\.1|::1/, "ip");
    },
    async "rest.connection.node-client-sees-active"(world) {
      const session = await world.node().createSession();
      const pending = await session.createConnection({ data: "srv" });
      const raw = await world.socket(`?sessionId=${session.sessionId}`);
      await raw.join(pending.token, "client words");
      equal(await session.fetch(), true, "a change was seen");
      const [active] = session.activeConnections;
      equal([active?.connectionId, active?.status, active?.clientData, active?.connectionProperties.data], [pending.connectionId, "active", "client words", "srv"], "the connection");
    },
  },
};

export const rest_tokens = {
  cases: {
    async "rest.token.shape"(world) {
      const session = await world.session();
      const { status, json } = await world.api("POST", "tokens", { session, role: "SUBSCRIBER", data: "d" });
      const { id, token, connectionId, createdAt, ...rest } = json;
      equal([status, id], [200, token], "status and id");
      matches(connectionId, CONNECTION, "connectionId");
      between(createdAt, ...now(), "createdAt");
      equal([rest.session, rest.role, rest.data], [session, "SUBSCRIBER", "d"], "session, role, data");
    },
    async "rest.token.node-client-generates"(world) {
      const session = await world.node().createSession();
      const token = await session.generateToken({ role: "MODERATOR", data: "d" });
      const raw = await world.socket(`?sessionId=${session.sessionId}`);
      const joined = await raw.join(token);
      equal([joined.role, joined.metadata], ["MODERATOR", "d"], "role and metadata");
    },
    async "rest.token.missing-session-is-400"(world) {
      explained(await world.api("POST", "tokens", {}), 400, "/openvidu/api/tokens");
      equal((await world.api("POST", "tokens", { session: 7 })).status, 400, "a number as session");
    },
    async "rest.token.unknown-session-is-explained-404"(world) {
      explained(await world.api("POST", "tokens", { session: "unknown" }), 404, "/openvidu/api/tokens");
    },
    async "token.path-prefix-is-ignored"(world) {
      const session = await world.session();
      const { token } = await world.connection(session);
      const page = await world.page();
      await page.connect(token.replace("?", "/some/prefix?"));
      equal((await page.sockets())[0].url, `ws://${world.server.host}/openvidu?sessionId=${session}`, "the address of the socket");
    },
    async "token.plain-ws-connects"(world) {
      const session = await world.session();
      const { token } = await world.connection(session);
      matches(token, /^ws:\/\//, "token");
      const page = await world.page();
      await page.connect(token);
      equal((await page.sockets()).map((each) => each.url), [`ws://${world.server.host}/openvidu?sessionId=${session}`], "the address of the socket");
    },
    async "token.more-parameters-are-ignored"(world) {
      const session = await world.session();
      const { token } = await world.connection(session, { role: "SUBSCRIBER" });
      const raw = await world.socket();
      equal((await raw.join(`${token}&role=MODERATOR&version=2.15.0`)).role, "SUBSCRIBER", "role");
    },
    async "token.names-the-connection"(world) {
      const session = await world.session();
      const connection = await world.connection(session);
      const person = await world.page();
      equal((await person.connect(connection.token)).own.id, connection.id, "connection id");
    },
    async "token.second-use-is-401"(world) {
      const member = await world.member(await world.session());
      const raw = await world.socket(`?sessionId=${member.session}`);
      equal((await raw.error("joinRoom", { token: member.token, session: member.session, metadata: "" })).code, 401, "code");
    },
    async "token.second-use-rejects-connect"(world) {
      const member = await world.member(await world.session());
      const page = await world.page();
      const { error } = await page.tryConnect(member.token);
      equal([error?.code, typeof error?.message], [401, "string"], "the error");
    },
    async "token.unknown-is-refused"(world) {
      const session = await world.session();
      const page = await world.page();
      const { error } = await page.tryConnect(`ws://${world.server.host}?sessionId=${session}&token=tok_Q0123456789abcde`);
      equal(error?.code, 401, "code");
    },
    async "token.of-another-session-is-refused"(world) {
      const [one, other] = [await world.session(), await world.session()];
      const { token } = await world.connection(one);
      const raw = await world.socket(`?sessionId=${other}`);
      const forged = token.replace(`sessionId=${one}`, `sessionId=${other}`);
      const { code } = await raw.error("joinRoom", { token: forged, session: other, metadata: "" });
      ok([202, 401].includes(code), "code 202 or 401", code);
    },
    async "token.works-after-a-long-way"(world) {
      const session = await world.session();
      const { token } = await world.connection(session);
      await pause(300);
      const raw = await world.socket(`?sessionId=${session}`);
      equal((await raw.join(token)).session, session, "session");
    },
  },
};

export const rest_signal = {
  async open(world) {
    const session = await world.session();
    const [a, b] = await world.members(session, 2);
    return { session, a, b };
  },
  cases: {
    async "rest.signal.bare-post-reaches-everybody"(world, { session, a, b }) {
      bare(await world.signal({ session, type: "signal:my-chat", data: "to all" }), 200);
      for (const raw of [a, b]) equal(await raw.notice("sendMessage", (params) => params.data === "to all"), { type: "signal:my-chat", data: "to all" }, "the notification");
    },
    async "rest.signal.has-no-from"(world, { session, a }) {
      await world.signal({ session, type: "signal:my-chat", data: "from nobody" });
      equal("from" in (await a.notice("sendMessage", (params) => params.data === "from nobody")), false, "from is there");
    },
    async "rest.signal.empty-to-is-everybody"(world, { session, a, b }) {
      bare(await world.signal({ session, to: [], type: "signal:x", data: "empty to" }), 200);
      for (const raw of [a, b]) await raw.notice("sendMessage", (params) => params.data === "empty to");
    },
    async "rest.signal.targeted"(world, { session, a, b }) {
      bare(await world.signal({ session, to: [a.id], type: "signal:x", data: "only a" }), 200);
      bare(await world.signal({ session, type: "signal:x", data: "after only a" }), 200);
      for (const raw of [a, b]) await raw.notice("sendMessage", (params) => params.data === "after only a");
      equal([a, b].map((raw) => raw.signals().some((each) => each.data === "only a")), [true, false], "who got it");
    },
    async "rest.signal.without-type-and-data"(world, { session, a }) {
      const before = a.signals().length;
      bare(await world.signal({ session }), 200);
      await world.signal({ session, data: "next" });
      await a.notice("sendMessage", (params) => params.data === "next");
      equal(a.signals().slice(before), [{}, { data: "next" }], "the notifications");
    },
    async "rest.signal.type-without-prefix-gets-it"(world, { session, a }) {
      await world.signal({ session, type: "my-chat", data: "bare type" });
      equal((await a.notice("sendMessage", (params) => params.data === "bare type")).type, "signal:my-chat", "type");
    },
    async "rest.signal.wrong-bodies-are-400"(world, { session, a }) {
      equal((await world.api("POST", "signal")).status, 400, "no body");
      for (const body of [{}, { session: 5 }, { session, type: 1 }, { session, data: {} }, { session, to: a.id }, { session, to: [1] }, { session, to: {} }]) {
        equal((await world.signal(body)).status, 400, JSON.stringify(body));
      }
    },
    async "rest.signal.unknown-session-is-bare-404"(world) {
      bare(await world.signal({ session: "unknown", data: "x" }), 404);
    },
    async "rest.signal.nobody-connected-is-bare-406"(world) {
      const session = await world.session();
      await world.connection(session);
      bare(await world.signal({ session, data: "x" }), 406);
    },
    async "rest.signal.unknown-target-is-406-for-all"(world, { session, a }) {
      explained(await world.signal({ session, to: [a.id, "con_X000000000"], type: "signal:x", data: "to a ghost" }), 406, "/openvidu/api/signal");
      await world.signal({ session, data: "after the ghost" });
      await a.notice("sendMessage", (params) => params.data === "after the ghost");
      equal(a.signals().some((each) => each.data === "to a ghost"), false, "it was delivered to a known one");
    },
    async "rest.signal.pending-target-is-406"(world, { session }) {
      const { id } = await world.connection(session);
      equal((await world.signal({ session, to: [id], data: "x" })).status, 406, "status");
    },
  },
};

export const session_life = {
  cases: {
    async "life.last-leaver-closes-the-session"(world) {
      const session = await world.session();
      const [a, b] = await world.members(session, 2);
      const unused = await world.connection(session);
      await a.result("leaveRoom", {});
      equal((await world.api("GET", `sessions/${session}`)).status, 200, "status with one member");
      await b.result("leaveRoom", {});
      bare(await world.api("GET", `sessions/${session}`), 404);
      const raw = await world.socket(`?sessionId=${session}`);
      const { code } = await raw.error("joinRoom", { token: unused.token, session, metadata: "" });
      ok([202, 401].includes(code), "code 202 or 401 for an unused token", code);
    },
    async "life.custom-id-is-free-again"(world) {
      const session = await world.session({ customSessionId: "life-again" });
      const member = await world.member(session);
      await member.result("leaveRoom", {});
      equal(await world.session({ customSessionId: "life-again" }), session, "id");
      equal((await world.api("GET", `sessions/${session}/connection`)).json.numberOfElements, 0, "connections of the new one");
    },
    async "life.last-evicted-closes-the-session"(world) {
      // Several times, because what is to be gone with the answer may be gone a moment later.
      for (let n = 0; n < 5; n++) {
        const session = await world.session();
        const member = await world.member(session);
        equal((await world.api("DELETE", `sessions/${session}/connection/${member.id}`)).status, 204, "status");
        bare(await world.api("GET", `sessions/${session}`), 404);
      }
    },
    async "life.created-session-waits-for-its-first"(world) {
      const session = await world.session();
      await pause(500);
      equal((await world.api("GET", `sessions/${session}`)).status, 200, "status");
    },
    async "life.sessions-are-apart"(world) {
      const [one, other] = [await world.session(), await world.session()];
      const a = await world.member(one);
      const b = await world.member(other);
      await a.signal({ to: [], type: "signal:x", data: "only here" });
      const { error } = await a.signal({ to: [b.id], type: "signal:x", data: "across" });
      equal(error?.code, 601, "code of a target in another session");
      await world.signal({ session: other, data: "end" });
      await b.notice("sendMessage", (params) => params.data === "end");
      equal(b.signals(), [{ data: "end" }], "what the other session heard");
    },
  },
};
