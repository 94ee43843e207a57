// Everything that the server said, shown to OpenTalk's published types. The program is in oracle/; SIDETALK_ORACLE names it.
import { spawn } from "node:child_process";

/** Events that only the newer generation has. */
const NEW_ONLY = new Set(["room_chat_history_chunk", "group_chat_history_chunk", "private_chat_history_chunk", "search_results", "rate_limit_exceeded"]);
const NEW_COMMANDS = new Set(["get_history_chunk", "search_history"]);

export class Oracle {
  #questions = [];

  /** Whatever came on a socket of a generation. What is in both generations must be right for both. */
  frame(gen, text) {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      frame = undefined;
    }
    const payload = frame?.payload ?? {};
    const isOwn = payload.message === "join_success" || NEW_ONLY.has(payload.message) || payload.error === "invalid_search_term_length";
    const name = `oracle.${gen}.${frame?.namespace}.${payload.message ?? "answer"}${payload.error ? `.${payload.error}` : ""}`;
    this.ask({ name, kind: "frame", gen: isOwn ? gen : "both", expect: "ok", json: text });
  }

  /** What we say as a well-behaved client must be right, too, or our cases prove nothing. */
  command(frame) {
    const gen = NEW_COMMANDS.has(frame.payload.action) ? "new" : "both";
    this.ask({ name: `oracle.said.${frame.namespace}.${frame.payload.action}`, kind: "command", gen, expect: "ok", json: frame });
  }

  body(kind, text, gen = "both") {
    this.ask({ name: `oracle.http.${kind}`, kind: `http.${kind}`, gen, expect: "ok", json: text });
  }

  /** Mistakes in what came: the program must refuse each of them, or its consent says nothing. */
  askMistakes() {
    for (const gen of ["seed", "new"]) {
      const right = this.#questions.filter((each) => each.name === `oracle.${gen}.control.join_success`).map((each) => JSON.parse(each.json));
      const frame = right.find((each) => each.payload.participants.length && each.payload.role === "moderator") ?? right[0];
      if (!frame) continue;
      const mistakes = {
        "no-timestamp": (wrong) => delete wrong.timestamp,
        "camel-case-key": ({ payload }) => (payload.someModule = {}),
        "no-chat": ({ payload }) => delete payload.chat,
        "no-map-of-last-seen": ({ payload }) => delete payload.chat.last_seen_timestamps_group,
        "other-generation": ({ payload }) => (payload.chat.room_history = gen === "seed" ? { messages: [], next_index: null } : []),
        "no-moderation": ({ payload }) => delete payload.moderation,
        "half-a-moderator": ({ payload }) => (payload.moderation = { raise_hands_enabled: true, waiting_room_enabled: false }),
        "tariff-without-features": ({ payload }) => (payload.tariff.modules.chat = {}),
        "unknown-quota": ({ payload }) => (payload.tariff.quotas.messages = 1),
        "participant-without-control": ({ payload }) => (payload.participants = [{ id: payload.id }]),
        "participant-with-chat-without-groups": ({ payload }) => (payload.participants = [{ ...payload.participants[0], chat: {} }]),
        "unknown-role": ({ payload }) => (payload.role = "owner"),
      };
      for (const [name, spoil] of Object.entries(mistakes)) {
        const wrong = structuredClone(frame);
        spoil(wrong);
        this.ask({ name: `oracle.refuses.${gen}.${name}`, kind: "frame", gen, expect: "err", json: wrong });
      }
    }
    const timestamp = "2023-01-13T12:37:08Z";
    const payloads = {
      "unknown-chat-error": ["chat", { message: "error", error: "rate_limited" }],
      "unknown-chat-event": ["chat", { message: "chat_cleared", issued_by: crypto.randomUUID() }],
      "control-error-with-text": ["control", { message: "error", text: "not so" }],
      "left-without-reason": ["control", { message: "left", id: crypto.randomUUID() }],
      "left_waiting_room-with-target": ["moderation", { message: "left_waiting_room", target: crypto.randomUUID() }],
      "unknown-namespace": ["chats", { message: "error", error: "chat_disabled" }],
    };
    for (const [name, [namespace, payload]] of Object.entries(payloads)) {
      this.ask({ name: `oracle.refuses.${name}`, kind: "frame", gen: "both", expect: "err", json: { namespace, timestamp, payload } });
    }
    const command = { namespace: "chat", payload: { action: "send_message", scope: "global", target: "a text", content: "x" } };
    this.ask({ name: "oracle.refuses.global-with-target", kind: "command", gen: "both", expect: "err", json: command });
    this.ask({ name: "oracle.takes.global-with-target-null", kind: "command", gen: "both", expect: "ok", json: { ...command, payload: { ...command.payload, target: null, colour: "red" } } });
  }

  ask(question) {
    this.#questions.push(question);
  }

  get count() {
    return this.#questions.length;
  }

  /** Of each name: null, or what is wrong with the first question that went wrong. And whether the program ended with 0. */
  async answers(program) {
    // Sockets of a failed case may still hear something.
    const questions = [...this.#questions];
    const { answers, code } = await run(program, questions);
    const verdicts = new Map();
    for (const [index, { name, json }] of questions.entries()) {
      const answer = answers[index];
      const wrong = answer?.as_expected ? null : `${answer?.verdict ?? "no answer"}: ${answer?.why?.join("; ")}: ${text(json)}`;
      verdicts.set(name, verdicts.get(name) ?? wrong);
    }
    return { verdicts, code };
  }
}

function text(json) {
  const whole = typeof json === "string" ? json : JSON.stringify(json);
  return whole.length > 400 ? `${whole.slice(0, 400)}…` : whole;
}

async function run(program, questions) {
  const child = spawn(program, { stdio: ["pipe", "pipe", "ignore"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(questions.map((question) => `${JSON.stringify({ ...question, json: typeof question.json === "string" ? question.json : JSON.stringify(question.json) })}\n`).join(""));
  const code = await new Promise((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", reject);
  });
  const answers = [];
  for (const line of output.split("\n").filter(Boolean)) {
    const answer = JSON.parse(line);
    answers[answer.line - 1] = answer;
  }
  return { answers, code };
}
