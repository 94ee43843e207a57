// The SDKs behind one face, so that the same expectation can be put to each. A kit belongs to a server and to the credentials
// that it was given; `refusal(error)` says in a word or two what the SDK made of a failure, `REFUSALS` what it should make.
import { Auth } from "@vonage/auth";
import { Video } from "@vonage/video";
import OpenTok from "opentok";

const OPENTOK_ERRORS = ["AuthError", "SignalError", "ForceDisconnectError", "NotFoundError", "RequestError", "ArgumentError"];

/** npm `opentok`: callbacks. With a UUID and a private key it speaks to Vonage. */
export class NodeKit {
  constructor(server, { key, secret }, base = server.url) {
    this.server = server;
    this.key = key;
    this.sdk = new OpenTok(key, secret, base);
  }

  #call(method, ...args) {
    return new Promise((resolve, reject) => this.sdk[method](...args, (error, value) => (error ? reject(error) : resolve(value))));
  }

  create(options) {
    return this.#call("createSession", ...(options ? [options] : [])).then((session) => session.sessionId);
  }

  signal(session, payload, connection = null) {
    return this.#call("signal", session, connection, payload);
  }

  disconnect(session, connection) {
    return this.#call("forceDisconnect", session, connection);
  }

  muteAll(session) {
    return this.#call("forceMuteAll", session, {});
  }

  unmute(session) {
    return this.#call("disableForceMute", session);
  }

  muteStream(session, stream) {
    return this.#call("forceMuteStream", session, stream);
  }

  streams(session) {
    return this.#call("listStreams", session);
  }

  stream(session, stream) {
    return this.#call("getStream", session, stream);
  }

  archives() {
    return this.#call("listArchives", {});
  }

  async token(session, { role, data, classes, expires, isT1 = false } = {}) {
    const options = { ...(role && { role }), ...(data !== undefined && { data }), ...(classes && { initialLayoutClassList: classes }), ...(expires && { expireTime: expires }) };
    return this.sdk.generateToken(session, options, isT1);
  }

  refusal(error) {
    return `${OPENTOK_ERRORS.find((name) => error instanceof OpenTok[name]) ?? error.name}: ${error.message}`;
  }
}

/** PyPI `opentok`. */
export class PythonKit {
  constructor(server, { key, secret }, python, base = server.url) {
    this.server = server;
    this.key = key;
    this.call = (method, args) => python.call("opentok", { key, secret, url: base }, method, args);
  }

  create(options = {}) {
    return this.call("create_session", options).then((session) => session.session_id);
  }

  signal(session_id, payload, connection_id = null) {
    return this.call("send_signal", { session_id, payload, connection_id });
  }

  disconnect(session_id, connection_id) {
    return this.call("force_disconnect", { session_id, connection_id });
  }

  muteAll(session_id) {
    return this.call("mute_all", { session_id, excludedStreamIds: [] });
  }

  unmute(session_id) {
    return this.call("disable_force_mute", { session_id });
  }

  muteStream(session_id, stream_id) {
    return this.call("mute_stream", { session_id, stream_id });
  }

  streams(session_id) {
    return this.call("list_streams", { session_id });
  }

  stream(session_id, stream_id) {
    return this.call("get_stream", { session_id, stream_id });
  }

  token(session_id, { role, data, classes, expires, isT1 = false } = {}) {
    return this.call("generate_token", {
      session_id, use_jwt: !isT1,
      ...(role && { role: { enum: `Roles.${role === "publisheronly" ? "publisher_only" : role}` } }),
      ...(data !== undefined && { data }), ...(classes && { initial_layout_class_list: classes }), ...(expires && { expire_time: expires }),
    });
  }

  refusal(error) {
    return error.told?.[1] ? `${error.name} ${error.told[1]}` : error.name;
  }
}

/** npm `@vonage/video`: promises. */
export class VonageNodeKit {
  constructor(server, { id, privateKey }, base = server.url) {
    this.server = server;
    this.key = id;
    this.sdk = new Video(new Auth({ applicationId: id, privateKey }), { videoHost: base });
  }

  create(options) {
    return this.sdk.createSession(options).then((session) => session.sessionId);
  }

  signal(session, payload, connection) {
    return this.sdk.sendSignal(payload, session, connection);
  }

  disconnect(session, connection) {
    return this.sdk.disconnectClient(session, connection);
  }

  muteAll(session) {
    return this.sdk.forceMuteAll(session, ["stream-1"]);
  }

  unmute(session) {
    return this.sdk.disableForceMute(session);
  }

  muteStream(session, stream) {
    return this.sdk.muteStream(session, stream);
  }

  streams(session) {
    return this.sdk.getStreamInfo(session);
  }

  stream(session, stream) {
    return this.sdk.getStreamInfo(session, stream);
  }

  async token(session, { role, data, classes, expires } = {}) {
    return this.sdk.generateClientToken(session, { role, data, initialLayoutClassList: classes, expireTime: expires });
  }

  refusal(error) {
    return `${error.constructor.name} ${error.response?.status}`;
  }
}

/** PyPI `vonage-video`: over TLS only. */
export class VonagePythonKit {
  constructor(server, { id, privateKey }, python, instance = 0) {
    this.server = server;
    this.key = id;
    this.call = (method, args) => python.call("vonage", { application: id, private_key: privateKey, host: server.host, instance }, method, args);
  }

  create(options) {
    return this.call("create_session", options ? { options: { model: "SessionOptions", fields: options } } : {}).then((session) => session.session_id);
  }

  signal(session_id, data, connection_id = null) {
    return this.call("send_signal", { session_id, data: { model: "SignalData", fields: data }, ...(connection_id && { connection_id }) });
  }

  disconnect(session_id, connection_id) {
    return this.call("disconnect_client", { session_id, connection_id });
  }

  muteAll(session_id) {
    return this.call("mute_all_streams", { session_id, excluded_stream_ids: ["stream-1"] });
  }

  unmute(session_id) {
    return this.call("disable_mute_all_streams", { session_id });
  }

  muteStream(session_id, stream_id) {
    return this.call("mute_stream", { session_id, stream_id });
  }

  streams(session_id) {
    return this.call("list_streams", { session_id });
  }

  stream(session_id, stream_id) {
    return this.call("get_stream", { session_id, stream_id });
  }

  token(session_id, { role, data, classes, expires } = {}) {
    const fields = { session_id, ...(role && { role }), ...(data !== undefined && { connection_data: data }), ...(classes && { initial_layout_class_list: classes }), ...(expires && { exp: expires }) };
    return this.call("generate_client_token", { token_options: { model: "TokenOptions", fields } });
  }

  refusal(error) {
    return `${error.name} ${error.status}`;
  }
}

const node = {
  signal: { 400: /^RequestError: Unexpected response from OpenTok: .*\w/, 403: "AuthError: Invalid API key or secret", 404: "SignalError: Session or Connection not found", 413: /^RequestError: Unexpected response from OpenTok: .*\w/ },
  disconnect: { 403: "AuthError: Invalid API key or secret", 404: "ForceDisconnectError: Session or Connection not found" },
};
const statuses = (name) => (status) => `${name} ${status}`;
const each = (say, names) => Object.fromEntries(names.map((status) => [status, say(status)]));
const vetch = each(statuses("VetchError"), [400, 403, 404, 413]);
const vonagePython = { 400: "HttpRequestError 400", 403: "ForbiddenError 403", 404: "NotFoundError 404", 413: "HttpRequestError 413" };

/** What an SDK makes of an answer: by kit, call and status. */
export const REFUSALS = {
  "node": node,
  "node-as-vonage": node,
  "python": { signal: each(statuses("RequestError"), [400, 403, 404, 413]), disconnect: { 403: "AuthError", 404: "ForceDisconnectError" } },
  "vonage-node": { signal: vetch, disconnect: vetch },
  "vonage-python": { signal: vonagePython, disconnect: vonagePython },
};

export const KITS = Object.keys(REFUSALS);
