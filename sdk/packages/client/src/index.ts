/**
 * `@sidetalk/client`: one socket to a Sidetalk server, any number of rooms on it. Start reading at `client.ts`; below it
 * are `connection.ts` (when to connect), `link.ts` (one socket from open to close), `rpc.ts` (requests and answers),
 * and beside it `room.ts` with `outbox.ts` (messages on their way). Nothing here draws, stores or touches the DOM; the
 * ordered list of messages is the entry `@sidetalk/client/timeline`.
 */
export { SidetalkClient } from "./client.js";
export { Room } from "./room.js";
export { SidetalkError } from "./errors.js";
export type { ErrorCode, LocalCode, ServerCode } from "./errors.js";
export { Emitter } from "./emitter.js";
export type { AnyListener, Listener, Unsubscribe } from "./emitter.js";
export type * from "./types.js";
