/**
 * `@sidetalk/opentok`: the chat half of the browser API of OpenTok (Vonage Video) over `@sidetalk/client`, for pages that
 * were written for it. Start reading at `session.ts`; `exchange.ts` changes the page's token for one of ours, `events.ts` has
 * the many forms of `on`, `queue.ts` what waits to be sent, `media.ts` what is there only so that pages go on. `ot.ts` is the
 * object `OT`, `script.ts` the same for a script tag. Nothing here opens sockets or orders messages: the client does.
 */
import { OT } from "./ot.js";

export { OT };
export { OT as TB };
export default OT;
