import assert from "node:assert/strict";
import { test } from "node:test";
import { Storm } from "./testing/storm.js";
import { Stage } from "./testing/server.js";
import { Timeline } from "./timeline.js";

// The complaints that this package was written against: messages missing after a reconnect (NodeBB#12458), messages
// twice when a send is retried (stream-chat-android#6587), messages in the wrong order.
test("in any weather each message is stored once, in order, and shown as the server has it", async () => {
  const runs = Number(process.env["SIDETALK_RUNS"] ?? 150);
  for (let seed = 1; seed <= runs; seed++) {
    const stage = new Stage();
    const storm = new Storm(seed, stage.peers);
    const until = async (done: () => boolean) => {
      for (let i = 0; !done(); i++) {
        assert(i < 2_000, `seed ${seed}: does not come to rest`);
        await storm.step();
        await stage.clock.pass(storm.below(4) ? 0 : 200);
      }
    };
    stage.connect();
    let ready = false;
    const joining = stage.client.join("r", { timeoutMs: 10_000_000 });
    void joining.then(() => (ready = true));
    await until(() => ready);
    const room = await joining;
    const timeline = new Timeline();
    timeline.attach(room);
    const told: number[] = [];
    room.on("message.posted", ({ seq }) => told.push(seq));
    const texts: string[] = [];
    const results: Promise<{ seq: number } | undefined>[] = [];
    for (let i = 0; i < 60; i++) {
      if (storm.below(4) === 0) {
        texts.push(`text ${texts.length}`);
        results.push(room.post(texts.at(-1)!));
      }
      if (storm.below(4) === 0) storm.write();
      await storm.step();
      await stage.clock.pass(storm.below(3) ? 0 : 200);
    }
    storm.calm = true;
    await until(() => room.pending.length === 0 && room.lastSeq === storm.messages.length);
    const own = storm.messages.filter(({ sender }) => sender.user === "alice");
    assert.deepEqual(own.map(({ parts }) => (parts[0] as { text: string }).text), texts, `seed ${seed}: stored`);
    const stored = await Promise.all(results);
    assert.deepEqual(stored.map((one) => one?.seq), own.map(({ seq }) => seq), `seed ${seed}: answers`);
    assert.deepEqual(told, [...new Set(told)].sort((a, b) => a - b), `seed ${seed}: told`);
    const { messages, gaps } = timeline.view();
    const from = gaps.at(-1)?.before ?? 0;
    assert.deepEqual(messages, storm.messages.filter(({ seq }) => seq >= from), `seed ${seed}: shown`);
    stage.client.close();
  }
});
