// The page's one connection to the dashboard: server-sent events, opened again for ever.
//
// EventSource comes back by itself after a lost connection, but not after a refusal, and it does not notice a
// dashboard that is there and says nothing. Both are seen here.

const QUIET_MS = 8000;
const AGAIN_MS = 2000;

export class Stream {
  /** `onMessage` gets what has changed; `onHeard` and `onLost` are told how the connection is. */
  constructor(onMessage, onHeard, onLost) {
    this.onMessage = onMessage;
    this.onHeard = onHeard;
    this.onLost = onLost;
    this.chosen = 0;
    this.source = null;
    this.heardAt = performance.now();
    setInterval(() => this.check(), 1000);
  }

  /** Open it, or open it anew: the first message then has everything, and the ladder of `chosen`. */
  open(chosen) {
    this.chosen = chosen;
    if (this.source) this.source.close();
    const source = new EventSource(`/events?instrument=${chosen}`);
    source.onmessage = (event) => {
      if (source !== this.source) return;
      this.heardAt = performance.now();
      this.onHeard();
      this.onMessage(JSON.parse(event.data));
    };
    source.onerror = () => {
      if (source === this.source) this.onLost();
    };
    this.source = source;
  }

  check() {
    const isSilent = performance.now() - this.heardAt > QUIET_MS;
    if (isSilent) this.onLost();
    if (isSilent || this.source?.readyState === EventSource.CLOSED) {
      this.heardAt = performance.now() - QUIET_MS + AGAIN_MS;
      this.open(this.chosen);
    }
  }
}
