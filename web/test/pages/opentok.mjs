// Pages as people have them, one for each way in which OpenTok's API is known to be used. All are written for these tests. Each
// has `apiKey`, `sessionId` and `token` from its server, and notes what it saw in `heard`.

/** The text chat of the document that defines the job: a form, a list, mine and theirs; beside it a camera that is asked for. */
const textchat = `
  var form = document.querySelector('form');
  var msgTxt = document.querySelector('#msgTxt');
  var msgHistory = document.querySelector('#history');
  var session = OT.initSession(apiKey, sessionId);

  session.on('streamCreated', function (event) {
    session.subscribe(event.stream, 'subscriber', { insertMode: 'append' }, handleError);
  });
  session.on('sessionDisconnected', function (event) {
    heard.push(event.reason);
  });
  session.connect(token, function (error) {
    if (error) {
      handleError(error);
    } else {
      var publisher = OT.initPublisher('publisher', { insertMode: 'append' }, handleError);
      session.publish(publisher, handleError);
      document.body.className = 'connected';
    }
  });

  session.on('signal:msg', function (event) {
    var msg = document.createElement('p');
    msg.innerText = event.data;
    msg.className = event.from.connectionId === session.connection.connectionId ? 'mine' : 'theirs';
    msgHistory.appendChild(msg);
  });

  form.addEventListener('submit', function (event) {
    event.preventDefault();
    session.signal({
        type: 'msg',
        data: msgTxt.value
      }, function (error) {
      if (error) {
        console.log('Error sending signal:', error.name, error.message);
      } else {
        msgTxt.value = '';
      }
    });
  });

  function handleError(error) {
    if (error) heard.push(error.message);
  }
`;

/** The publisher is made before the session is connected. */
const publisherFirst = `
  var session = OT.initSession(apiKey, sessionId);
  OT.initPublisher('publisher', { width: '100%' }, function (error) {
    heard.push(['publisher', error === undefined || error === null]);
  });
  session.on('signal:msg', function (event) {
    heard.push([event.data, event.from.connectionId === session.connection.connectionId ? 'mine' : 'theirs']);
  });
  session.connect(token, function (error) {
    heard.push(['connected', !error]);
  });
  function say(text) {
    session.signal({ type: 'msg', data: text }, function (error) {
      if (error) heard.push([error.name, error.message]);
    });
  }
`;

/** A chat component that is given a session, and knows errors by their codes. */
const component = `
  var session = OT.initSession(apiKey, sessionId);
  var others = [];
  session.on({
    connectionCreated: function (event) {
      if (event.connection.connectionId !== session.connection.connectionId) others.push(event.connection);
    },
    streamCreated: function () { heard.push('stream'); },
    streamDestroyed: function () { heard.push('stream'); },
  });
  session.on('signal:text-chat', function (event) {
    var said = JSON.parse(event.data);
    heard.push([said.text, said.sender.alias, event.from.connectionId === session.connection.connectionId]);
  });
  function say(text, to) {
    var signal = { type: 'text-chat', data: JSON.stringify({ text: text, sender: { alias: session.apiKey + '/' + session.id.slice(0, 2) }, sentOn: Date.now() }) };
    if (to) signal.to = to;
    session.signal(signal, function (error) {
      if (!error) return heard.push('sent ' + session.streams.length());
      if (error.code === 413) heard.push('too long');
      else if (error.code === 500) heard.push('check your network');
      else heard.push(String(error));
    });
  }
  say('too early');
  session.connect(token, function (error) { heard.push(error ? error.name : 'connected'); });
`;

/** Several names in one text, lists in the callback, keys that are left out. */
const core = `
  var session = OT.initSession(apiKey, sessionId, { connectionEventsSuppressed: false });
  var count = function (event) { heard.push(event.type); };
  var gone = function () { heard.push('must not be called'); };
  session.on('sessionConnected sessionReconnected', count);
  session.on('sessionConnected', gone);
  session.off('sessionConnected', gone);
  session.on('sessionDisconnected', function (event) { heard.push(event.reason); });
  session.connect(token, function (error) {
    heard.push([!error, session.connections.length(), session.sessionId === sessionId, session.apiKey === apiKey]);
  });
  function send(type, data, to) {
    var signal = {};
    if (type) signal.type = type;
    if (data) signal.data = JSON.stringify(data);
    if (to) signal.to = to;
    return new Promise(function (done) { session.signal(signal, done); });
  }
  session.on('signal', function (event) { heard.push([event.type, event.data === undefined ? null : event.data]); });
`;

/** States and lists; listeners in the old form; everybody tells everybody a name, also himself. */
const meet = `
  var session = OT.initSession(apiKey, sessionId);
  var names = {};
  heard.push([session.isConnected(), session.is('connected'), session.connected]);
  session.addEventListener('sessionConnected', function () {
    heard.push([session.isConnected(), session.is('connected'), session.connected, OT.sessions.find() === session]);
  });
  session.addEventListener('connectionCreated', function (event) {
    session.signal({ to: event.connection, type: 'name', data: name });
  });
  session.addEventListener('signal:name', function (event) {
    names[event.from.creationTime.toString()] = event.data;
  });
  session.connect(token);
  var none = OT.publishers.find(function (publisher) { return publisher.stream.streamId === 'x'; });
  OT.subscribers.forEach(function () { heard.push('subscriber'); });
`;

/** The oldest member tells newcomers what was said; handlers in an object; data that is parsed in place. */
const rtc = `
  var session = OT.initSession(apiKey, sessionId);
  var members = [], log = [];
  session.off();
  session.on({
    sessionConnected: function (event) { heard.push('sessionConnected ' + typeof event.target.connection.creationTime); },
    connectionCreated: function (event) {
      members.push({ connection: event.connection, name: JSON.parse(event.connection.data).userName });
      members.sort(function (a, b) { return a.connection.creationTime - b.connection.creationTime; });
      var mine = event.target.connection;
      if (members[0].connection === mine && event.connection !== mine && log.length) {
        session.signal({ type: 'status', to: event.connection, data: JSON.stringify({ data: log }) });
      }
    },
    connectionDestroyed: function (event) {
      members = members.filter(function (one) { return one.connection !== event.connection; });
    },
    'signal:chat': function (event) {
      if (event.from === null) heard.push('from the server');
      event.data = JSON.parse(event.data);
      log.push(event.data);
    },
    'signal:status': function (event) {
      session.off('signal:status');
      event.data = JSON.parse(event.data);
      log = event.data.data.concat(log);
      heard.push('status');
    },
  });
  session.connect(token, function (error) { if (error) heard.push(error.name); });
  function say(text) {
    session.signal({ type: 'chat', data: JSON.stringify({ text: text }) }, function (error) { if (error) heard.push(error.message); });
  }
`;

/** What happens to a connection, and signs of life without a type and without data. */
const reconnection = `
  var session = OT.initSession(apiKey, sessionId);
  session.on({
    sessionReconnecting: function () { heard.push('reconnecting'); },
    sessionReconnected: function () { heard.push('reconnected'); },
    sessionDisconnected: function (event) { heard.push(event.reason); },
    signal: function (event) { heard.push([event.type, event.from == session.connection ? 'mine' : 'theirs', event.data === undefined ? null : event.data]); },
  });
  session.connect(token, function () { heard.push('connected'); });
  function live() {
    session.signal({ retryAfterReconnect: false }, function (error) { if (error) heard.push(error.name); });
  }
`;

/** Everything in one chain; people are put out by their ids. */
const chain = `
  var session = OT.initSession(apiKey, sessionId);
  var ids = [];
  var context = {};
  session
    .on('streamCreated', function (event) { session.subscribe(event.stream); })
    .on('connectionCreated', function (event) { ids.push(event.connection.connectionId); })
    .on('sessionDisconnected', function (event) { heard.push(event.reason); })
    .once("signal", function (event) { heard.push([this === context, event.type]); }, context)
    .connect(token, function (error) { heard.push(error ? error.name : OT.subscribers.where().length); });
  function out(id) {
    session.forceDisconnect(id, function (error) { heard.push(error ? [error.code, error.name] : 'put out'); });
  }
`;

/** Before 2.0 the key was named when connecting. */
const old = `
  var session = TB.initSession(sessionId);
  session.addEventListener('sessionConnected', function (event) { heard.push(event.connections.length); });
  session.addEventListener('signal:chat', function (event) { heard.push(event.data); });
  session.connect(apiKey, token);
  function say(text) { session.signal({ type: 'chat', data: text }); }
`;

/** Nothing but the session; the test does the rest. */
const bare = `
  var session = OT.initSession(apiKey, sessionId);
  var people = [];
  session.on('connectionCreated', function (event) { people.push(event.connection); });
  session.on('signal', function (event) { heard.push([event.type, event.data === undefined ? null : event.data, event.from && event.from.connectionId]); });
  var story = [];
  session.on('sessionReconnecting sessionReconnected sessionDisconnected connectionDestroyed', function (event) {
    story.push([event.type, event.connection && event.connection.connectionId, event.reason].filter(Boolean).join(' '));
  });
  var ready = new Promise(function (done) { session.connect(token, function (error) { done(error ? [error.code, error.name] : null); }); });
  // What the callback and the promise say, as one thing.
  function send(signal) {
    var called = 0;
    return new Promise(function (done) {
      session.signal(signal, function (error) { called++; done(error ? [error.code, error.name, error.signal === signal] : 'sent'); });
    }).then(function (end) { return called === 1 ? end : 'called ' + called; });
  }
`;

export const PAGES = { textchat, publisherFirst, component, core, meet, rtc, reconnection, chain, old, bare };

/** A page: the author's markup and script, and the script tag, which is all that was changed. */
export function html(src, { script, ...values }) {
  const literals = Object.entries(values).map(([name, value]) => `var ${name} = ${JSON.stringify(value)};`);
  return `<!doctype html><html><head><meta charset="utf-8"><title>Lesson</title><script src="${src}"></script></head><body>
<div id="publisher"></div><div id="subscriber"></div>
<div id="textchat"><p id="history"></p><form><input type="text" autocomplete="off" id="msgTxt"></form></div>
<script>var heard = []; ${literals.join(" ")}</script>
<script>${script}</script></body></html>`;
}
