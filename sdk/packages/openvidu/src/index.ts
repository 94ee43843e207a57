/**
 * `@sidetalk/openvidu`: the chat half of OpenVidu's browser library over `@sidetalk/client`, for pages that were written
 * for OpenVidu 1.x or 2.x. Start reading at `session.ts`; `exchange.ts` changes the page's token for one of ours, `connection.ts`
 * names people as that library does, `media.ts` holds what is there only so that pages go on. `script.ts` is the same for a
 * script tag. Nothing here opens sockets, retries or orders messages: the client does.
 */
export { OpenVidu } from "./openvidu.js";
export { Session } from "./session.js";
export type { Capabilities, Signal } from "./session.js";
export { Connection } from "./connection.js";
export type { Role } from "./connection.js";
export { OpenViduError } from "./errors.js";
export type { Callback, OpenViduErrorName } from "./errors.js";
export { OpenViduEvent } from "./events.js";
export type { Handler } from "./events.js";
export { Media } from "./media.js";
