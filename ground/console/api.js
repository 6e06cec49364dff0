// The two ways to the ground service: requests, and one WebSocket that comes back by itself.

const BACKOFF_FIRST_S = 0.5;
const BACKOFF_MOST_S = 8;
const SILENCE_S = 10; // no message for this long: the socket is taken for dead
const REQUEST_LIMIT_S = 15;
const REFUSED_CODES = new Set([1008, 4001, 4003, 4401, 4403]); // policy violation: the token was not accepted

/** An answer that was no success. `status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function reasonOf(response) {
  try {
    const body = await response.json();
    const text = body.detail ?? body.error ?? body.message ?? body.reason;
    return typeof text === "string" ? text : JSON.stringify(text ?? body);
  } catch {
    return response.statusText || `HTTP ${response.status}`;
  }
}

/** Requests to the ground service with the operator's token. */
export class Api {
  /** @param {() => string} token */
  constructor(token) {
    this.token = token;
  }

  async request(path, { method = "GET", body = null, signal = null } = {}) {
    const headers = { Authorization: `Bearer ${this.token()}` };
    if (body !== null) headers["Content-Type"] = "application/json";
    const limit = AbortSignal.timeout(REQUEST_LIMIT_S * 1000);
    let response;
    try {
      response = await fetch(path, {
        method,
        headers,
        body: body === null ? undefined : JSON.stringify(body),
        signal: signal === null ? limit : AbortSignal.any([limit, signal]),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, "The ground service does not answer. Try again when the link is back.");
    }
    if (!response.ok) throw new ApiError(response.status, await reasonOf(response));
    return response;
  }

  async json(path, options) {
    return (await this.request(path, options)).json();
  }

  node(id, signal) {
    return this.json(`/nodes/${encodeURIComponent(id)}`, { signal });
  }

  history(id, start_s, end_s, points, signal) {
    const query = new URLSearchParams({ start_s: start_s.toFixed(1), end_s: end_s.toFixed(1), points: String(points) });
    return this.json(`/nodes/${encodeURIComponent(id)}/history?${query}`, { signal });
  }

  job(id, signal) {
    return this.json(`/jobs/${encodeURIComponent(id)}`, { signal });
  }

  async jobLog(id, signal) {
    return (await this.request(`/jobs/${encodeURIComponent(id)}/log`, { signal })).text();
  }

  async jobResult(id) {
    return (await this.request(`/jobs/${encodeURIComponent(id)}/result`)).blob();
  }

  cancelJob(id) {
    return this.json(`/jobs/${encodeURIComponent(id)}/cancel`, { method: "POST", body: {} });
  }

  commands() {
    return this.json("/commands");
  }

  sendTc(node, command, expires_after_s) {
    return this.json("/tcs", { method: "POST", body: { node, command, expires_after_s } });
  }
}

/** The live feed. Reconnects with back-off and jitter, and says how it stands. */
export class Feed {
  /**
   * @param {() => string} token
   * @param {{message: (object) => void, state: (string) => void, refused: () => void}} on
   */
  constructor(token, on) {
    this.token = token;
    this.on = on;
    this.socket = null;
    this.timer = null;
    this.attempt = 0;
    this.heard_ms = null;
    this.retry_at_ms = null;
    this.stopped = true;
  }

  start() {
    this.stopped = false;
    this.watch = setInterval(() => this.checkSilence(), 1000);
    this.connect();
  }

  stop() {
    this.stopped = true;
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.drop();
  }

  /** Return the wall seconds since the last message, or null before the first. */
  age_s() {
    return this.heard_ms === null ? null : (performance.now() - this.heard_ms) / 1000;
  }

  /** Return the wall seconds until the next attempt, or null while one is under way. */
  retry_s() {
    return this.retry_at_ms === null ? null : Math.max(0, (this.retry_at_ms - performance.now()) / 1000);
  }

  connect() {
    this.retry_at_ms = null;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    this.socket = socket;
    this.opened_ms = performance.now();
    socket.onopen = () => socket.send(JSON.stringify({ token: this.token() }));
    socket.onmessage = (event) => this.receive(socket, event.data);
    socket.onclose = (event) => this.closed(socket, event.code);
  }

  receive(socket, data) {
    if (socket !== this.socket) return;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    this.heard_ms = performance.now();
    if (message.type === "hello") {
      this.attempt = 0;
      this.on.state("live");
    }
    this.on.message(message);
  }

  closed(socket, code) {
    if (socket !== this.socket || this.stopped) return;
    this.socket = null;
    if (REFUSED_CODES.has(code)) {
      this.stop();
      this.on.refused();
      return;
    }
    const most_s = Math.min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2 ** this.attempt);
    const delay_s = most_s * (0.5 + Math.random() / 2);
    this.attempt += 1;
    this.retry_at_ms = performance.now() + delay_s * 1000;
    this.timer = setTimeout(() => this.connect(), delay_s * 1000);
    this.on.state("reconnecting");
  }

  checkSilence() {
    if (this.socket === null) return;
    const since_ms = Math.max(this.opened_ms, this.heard_ms ?? 0);
    if (performance.now() - since_ms < SILENCE_S * 1000) return;
    const socket = this.socket;
    this.closed(socket, 1006);
    socket.close();
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }
}
