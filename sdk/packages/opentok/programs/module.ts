// Applications with a bundler.
import OT, { OT as named } from "@sidetalk/opentok";

interface Line {
  readonly text: string;
  readonly mine: boolean;
}

export class Chat {
  readonly session: OT.Session;
  readonly lines: Line[] = [];
  members: OT.Connection[] = [];

  constructor(server: string, apiKey: string, sessionId: string) {
    named.setProxyUrl(server);
    this.session = OT.initSession(apiKey, sessionId);
    this.session.on("signal:chat", this.said, this);
    this.session.on("connectionCreated", ({ connection }) => void this.members.push(connection));
    this.session.on("connectionDestroyed", ({ connection, reason }: OT.ConnectionEvent) => {
      this.members = this.members.filter((one) => one !== connection);
      console.log(reason);
    });
  }

  private said(event: OT.SignalEvent): void {
    const mine = event.from?.connectionId === this.session.connection?.connectionId;
    this.lines.push({ text: event.data ?? "", mine });
    console.log(event.messageId, event.serverTime, event.replayed);
  }

  say(text: string): Promise<void> {
    return this.session.signal({ type: "chat", data: text });
  }
}
