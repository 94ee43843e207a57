/** What `/sdk/openvidu.js` is made of: defines the global that pages use. */
import { OpenVidu } from "./openvidu.js";

(globalThis as { OpenVidu?: unknown }).OpenVidu = OpenVidu;
