// Pages with the script tag, one for each way in which the API is known to be used. They are compiled, not run.

// A chat form, publisher and subscriber; errors by name and message.
{
  const session = OT.initSession("45812345", "1_MX4");
  const handleError = (error?: Error) => {
    if (error) console.log(error.name, error.message);
  };
  session.on("streamCreated", (event) => {
    session.subscribe(event.stream, "subscriber", { insertMode: "append", width: "100%" }, handleError);
  });
  session.on("sessionDisconnected", function (event) {
    console.log("You were disconnected from the session.", event.reason.toUpperCase());
  });
  const publisher = OT.initPublisher("publisher", { insertMode: "append", width: "100%", height: "100%" }, handleError);
  session.connect("token", function callback(error) {
    if (error) return handleError(error);
    session.publish(publisher, handleError);
  });
  session.on("signal:msg", function (event) {
    const line = document.createElement("p");
    line.textContent = event.data ?? "";
    line.className = event.from?.connectionId === session.connection?.connectionId ? "mine" : "theirs";
  });
  session.signal({ type: "msg", data: "hello" }, function (error) {
    if (error) console.log("Error sending signal:", error.name, error.message);
  });
}

// A component: keys, counts, `to`, codes.
{
  const session = OT.initSession(45812345, "1_MX4", { connectionEventsSuppressed: false, ipWhitelist: true });
  const id: string = session.id + session.apiKey + session.sessionId;
  const alone: boolean = session.streams.length() === 0 && session.connections.length() > 0;
  session.on("connectionCreated", (event) => {
    session.signal({ type: "text-chat", data: JSON.stringify({ text: "hi", sentOn: Date.now() }), to: event.connection }, (error) => {
      const { code } = error as OT.OTError;
      if (code === 413 || code === 500) console.log(id, alone);
    });
  });
  session.on("streamDestroyed", () => {});
}

// Several names in one text; keys that are left out; forceDisconnect.
{
  const session: OT.Session = OT.initSession("45812345", "1_MX4", {});
  const refresh = () => console.log(session.connections.length());
  session.on("sessionConnected sessionReconnected", refresh);
  session.off("sessionConnected sessionReconnected", refresh);
  const to: OT.Connection | undefined = session.connections.find();
  session.signal(Object.assign({ type: "contentAnalysis" }, to ? { to } : null), (error) => error && console.error(error.message));
  if (to) session.forceDisconnect(to, (error) => console.log(error));
}

// States, lists, listeners in the old form.
{
  const session = OT.initSession("45812345", "1_MX4");
  if (session.isConnected() && session.is("connected") && session.connected) console.log(session.currentState);
  session.addEventListener("signal:name", (event: OT.SignalEvent) => console.log(event.data, event.from!.creationTime.toString()));
  session.removeEventListener("signal:name", () => {});
  OT.sessions.find();
  OT.publishers.find((publisher) => publisher.stream?.hasVideo);
  OT.subscribers.forEach((subscriber) => subscriber.subscribeToVideo(false));
  OT.subscribers.where({ id: "s" });
  session.connections.forEach((connection) => session.signal({ to: connection, type: "name", data: "me" }));
}

// An object of handlers, everything off, data that is parsed and written back.
{
  const session = OT.initSession("45812345", "1_MX4");
  session.off();
  session.on({
    connectionCreated: (event) => console.log(JSON.parse(event.connection.data), event.target.connection?.creationTime),
    sessionConnected: (event) => console.log(event.connections.length, event.streams.length),
    "signal:chat": function (event) {
      if (event.from === null) console.log("from the server");
      event.data = event.data?.trim() ?? "";
    },
    "signal:status": () => {},
    streamDestroyed: (event) => console.log(event.reason),
  });
  session.off("signal:status");
  session.off({ "signal:chat": () => {} });
}

// Reconnecting; a signal that is nothing but a sign of life.
{
  const session = OT.initSession("45812345", "1_MX4");
  session.on({
    sessionReconnecting: () => console.log("lost"),
    sessionReconnected: () => console.log("back"),
    sessionDisconnected: (event) => console.log(event.reason),
    signal: (event) => console.log(event.from == session.connection, event.type),
  });
  session.signal({ retryAfterReconnect: false });
  session.signal({}, (error) => console.log(error));
}

// Chaining; ids.
{
  const session = OT.initSession("45812345", "1_MX4");
  const context = { name: "context" };
  session
    .on("streamCreated", (event) => session.subscribe(event.stream, "subscribers", { insertMode: "append" }), context)
    .once("sessionConnected", () => {})
    .connect("token", (error) => console.log(error))
    .on("archiveStarted", (event) => console.log(event.id));
  session.forceDisconnect("connection-id");
  OT.subscribers.where({ id: "s" })[0]?.setAudioVolume(50);
  OT.on("exception", (event) => console.log(event.code, event.title, event.message));
}

// Very old pages.
{
  const session = TB.initSession("1_MX4");
  session.addEventListener("sessionConnected", () => {});
  session.connect("45812345", "T1==token");
  TB.setLogLevel(4);
}

// Promises, and the rest of the documented session.
async function promises(): Promise<void> {
  const session = await OT.initSession("45812345", "1_MX4").connect.promise("token");
  await session.signal({ type: "chat", data: "hello", to: [session.connection!, "id"] }).catch((error: OT.OTError) => console.log(error.code, error.name, error.signal));
  const { forceDisconnect = 0, publish, subscribe, forceUnpublish, forceMute } = session.capabilities;
  if (forceDisconnect === 1) await session.forceDisconnect(session.connection!);
  const publisher = await OT.initPublisher.promise("publisher", {});
  await session.publish.promise(publisher);
  if (OT.checkSystemRequirements() == 1) OT.getDevices((error, devices) => console.log(error, devices.map((device) => device.kind)));
  OT.reportIssue((error, id) => console.log(error, id));
  await session.disconnect();
}

// @ts-expect-error There is no such member.
OT.initSessions("45812345", "1_MX4");
// @ts-expect-error Data is a text.
OT.initSession("45812345", "1_MX4").signal({ data: { text: "hi" } });
// @ts-expect-error These are texts.
OT.initSession("45812345", "1_MX4").on("sessionDisconnected", (event) => event.reason.toFixed());
