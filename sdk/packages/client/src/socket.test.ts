// The scripted socket of the other tests is as tame as we made it. Here: the package `ws`, over a real port.
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { SidetalkClient } from "./client.js";
import { joinResult, posted, rejects, welcome } from "./testing/server.js";
import type { ClientOptions, WebSocketConstructor } from "./types.js";

let server: WebSocketServer;
const methods: string[] = [];

before(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: (offered) => offered.has("sidetalk.v1") && "sidetalk.v1" });
  server.on("connection", (socket, { url }) => {
    assert.equal(url, "/api/v1/connect");
    socket.on("message", (frame) => {
      const { id, method, params } = JSON.parse(String(frame));
      methods.push(method);
      const resumed = params.position !== undefined;
      const results: Record<string, object> = {
        connect: welcome(),
        "room.join": joinResult(resumed ? { resume: "ok", history: null, events: [posted(3)] } : {}),
      };
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? {} }));
      // In one packet with the answer.
      if (method === "room.join" && !resumed) for (const seq of [1, 2]) socket.send(JSON.stringify({ jsonrpc: "2.0", ...posted(seq) }));
    });
  });
  await new Promise((listening) => server.once("listening", listening));
});
after(() => {
  for (const socket of server.clients) socket.terminate();
  server.close();
});

function client(more: Partial<ClientOptions> = {}): SidetalkClient {
  const { port } = server.address() as AddressInfo;
  const options = { url: `http://127.0.0.1:${port}`, token: "t", WebSocket: WebSocket as unknown as WebSocketConstructor };
  return new SidetalkClient({ ...options, backoff: { firstMs: 10 }, ...more });
}

test("joins, loses the socket, comes back, and hears each entry once", async () => {
  const one = client();
  await one.connect();
  const room = await one.join("r");
  const heard: number[] = [];
  room.on("message.posted", ({ seq }) => heard.push(seq));
  const resumed = new Promise((done) => room.on("resumed", done));
  while (room.lastSeq < 2) await new Promise((done) => room.on("message.posted", done));
  for (const socket of server.clients) socket.terminate();
  await resumed;
  assert.deepEqual(heard, [1, 2, 3]);
  one.close();
  assert.deepEqual(methods, ["connect", "room.join", "connect", "room.join"]);
});

test("a socket that is given up before it is open ends nothing else", async () => {
  const abort = new AbortController();
  const one = client();
  const connecting = rejects(one.connect({ signal: abort.signal }), "aborted");
  await new Promise(setImmediate);
  abort.abort();
  await connecting;
});

test("a port where nobody listens is tried again and again", async () => {
  const one = client({ url: "http://127.0.0.1:9" });
  let times = 0;
  one.on("state", ({ status }) => void (status === "offline" && ++times === 3 && one.close()));
  await rejects(one.connect(), "closed");
  assert.equal(times, 3);
});
