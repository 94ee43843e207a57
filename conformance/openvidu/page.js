// Runs in the page before the vendor's bundle. Keeps an eye on its sockets, and gives the driver a few verbs.
{
  const Native = window.WebSocket;
  const wire = (window.wire = { sockets: [], frames: [] });

  window.WebSocket = class extends Native {
    constructor(url, protocols) {
      const address = new URL(url);
      // The driver's gate can break connections as a network does. The vendor's client does not notice it.
      if (window.gate) address.host = window.gate;
      super(address.href, protocols);
      const record = { url, asked: null, ended: null };
      const number = wire.sockets.push(record) - 1;
      this.record = record;
      this.number = number;
      this.addEventListener("message", ({ data }) => wire.frames.push({ socket: number, from: "server", text: data }));
      this.addEventListener("close", ({ code }) => (record.ended = code));
    }

    send(data) {
      wire.frames.push({ socket: this.number, from: "client", text: data });
      super.send(data);
    }

    close(code, reason) {
      this.record.asked ??= code ?? null;
      super.close(code, reason);
    }
  };
}

const outcome = (promise) => promise.then(() => ({ ok: true }), (error) => ({ error: { code: error?.code, name: error?.name, message: error?.message } }));
const idOf = (connection) => connection?.connectionId ?? "none";

function listen(session, types) {
  session.on("connectionCreated", ({ connection }) => window.tell({ kind: "connectionCreated", id: idOf(connection), data: connection.data, created_at: connection.creationTime }));
  session.on("connectionDestroyed", ({ connection, reason }) => window.tell({ kind: "connectionDestroyed", id: idOf(connection), reason }));
  session.on("sessionDisconnected", ({ reason }) => window.tell({ kind: "sessionDisconnected", reason }));
  session.on("connectionPropertyChanged", ({ connection, changedProperty, newValue }) => window.tell({ kind: "connectionPropertyChanged", id: idOf(connection), changedProperty, newValue }));
  for (const kind of ["reconnecting", "reconnected"]) session.on(kind, () => window.tell({ kind }));
  for (const kind of ["signal", ...types.map((type) => `signal:${type}`)]) {
    session.on(kind, (event) => window.tell({ kind, type: event.type, data: event.data, data_type: typeof event.data, from: idOf(event.from) }));
  }
}

window.verbs = {
  async connect({ token, data, types }) {
    const session = (window.session = new OpenVidu().initSession());
    listen(session, types);
    return outcome(data === undefined ? session.connect(token) : session.connect(token, data));
  },
  signal(options) {
    return outcome(window.session.signal(options));
  },
  async burst({ count, type }) {
    const sent = Array.from({ length: count }, (_, n) => outcome(window.session.signal({ type, data: `burst ${n}` })));
    return (await Promise.all(sent)).filter((each) => !each.ok);
  },
  forceDisconnect(id) {
    return outcome(window.session.forceDisconnect(window.session.remoteConnections.get(id) ?? { connectionId: id }));
  },
  disconnect() {
    window.session.disconnect();
  },
  view() {
    const { session } = window;
    const plain = (connection) => connection && { id: connection.connectionId, role: connection.role, record: connection.record, data: connection.data, created_at: connection.creationTime };
    const { publish, forceDisconnect, forceUnpublish } = session.capabilities ?? {};
    return { session: session.sessionId, own: plain(session.connection), others: [...session.remoteConnections.values()].map(plain), capabilities: { publish, forceDisconnect, forceUnpublish } };
  },
};
