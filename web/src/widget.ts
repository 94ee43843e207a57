/** `widget.js`: a plain script that makes `<sidetalk-chat>` known, for pages without a bundler. */
import "@sidetalk/elements";
