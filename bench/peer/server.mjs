// What a team would use instead of Sidetalk: socket.io, set up as its documentation advises for production
// (https://socket.io/docs/v4/performance-tuning/, https://socket.io/docs/v4/memory-usage/): WebSocket only, the native
// bufferutil, no compression, and the first request of each session forgotten.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });

io.engine.on("connection", (session) => {
  session.request = null;
});
io.on("connection", (socket) => {
  let room;
  socket.on("join", (name) => {
    room = name;
    socket.join(room);
    socket.emit("joined");
  });
  socket.on("m", (text) => io.to(room).emit("m", text));
});

// It ends with the process that started it.
process.stdin.resume().on("end", () => process.exit(0));
http.listen(0, "127.0.0.1", 1024, () => console.log(JSON.stringify({ port: http.address().port })));
