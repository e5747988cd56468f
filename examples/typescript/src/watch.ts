/*
 * Watch users' events: keep a copy of them, and continue after each break.
 *
 * Each change passes one line to `print`. The copy is exactly what is on the server, however often
 * the connection or the program breaks, because each cursor is stored together with what came
 * before it, and because users without a cursor begin without events.
 */

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { EventService, type WatchEventsResponse } from "./generated/gymlocker/v2/event_pb.js";

/** The encrypted events of followed users by id, in base64, and the cursor of each user. */
export interface Content {
  cursors: Record<string, string>;
  events: Record<string, Record<string, { payload: string; iv: string }>>;
}

/** Where the copy is kept: a file under Node, the storage of the page in a browser. */
export interface Store {
  load(): Content | undefined;
  save(content: Content): void;
}

/** A followed user. While the user changes the secret, there are two entries. */
export interface Followed {
  userId: string;
  followSecret: string;
}

// The server sends a heartbeat every 15 seconds. Without one, the connection is dead.
const SILENCE = 40_000;
const MAX_DELAY = 30_000;
// After these reasons a client calls again. Others are final, such as NOTHING_TO_WATCH.
const CALL_AGAIN = ["SERVER_STOPPING", "STREAM_EXPIRED", "SLOW_READER"];
// A repeated call would get these again. All others pass.
const FINAL = [
  Code.InvalidArgument,
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.FailedPrecondition,
  Code.Unimplemented,
];

/** Watch users at the server with this URL until the server ends it, and return its reason. */
export async function watch(
  baseUrl: string,
  followed: Followed[],
  store: Store,
  print: (line: string) => void,
): Promise<string> {
  const events = createClient(EventService, createGrpcWebTransport({ baseUrl }));
  const copy = new Copy(followed, store, print);
  for (let failures = 0; copy.followed.length > 0; failures++) {
    let reason = "the connection was closed";
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE);
    try {
      for await (const response of events.watchEvents(copy.request(), { signal: silence.signal })) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE);
        failures = 0;
        copy.apply(response);
        if (response.message.case === "ended") {
          reason = response.message.value.reason;
          if (!CALL_AGAIN.includes(reason)) return reason;
        }
      }
    } catch (caught) {
      const error = ConnectError.from(caught);
      if (FINAL.includes(error.code)) throw error;
      reason = silence.signal.aborted ? "no heartbeat" : error.message;
    } finally {
      clearTimeout(timer);
    }
    print(`reconnecting: ${reason}`);
    // Jitter keeps all clients of a restarted server from coming back at once.
    const delay = Math.min(500 * 2 ** failures, MAX_DELAY) * (0.5 + Math.random() / 2);
    await new Promise((resolve) => setTimeout(resolve, delay));
  }
  return "NOTHING_TO_WATCH";
}

/** The copy of a store. `followed` becomes shorter when secrets are revoked. */
class Copy {
  private readonly content: Content;

  constructor(
    public followed: Followed[],
    private readonly store: Store,
    private readonly print: (line: string) => void,
  ) {
    this.content = store.load() ?? { cursors: {}, events: {} };
  }

  /** Return the request that continues where the cursors are. */
  request(): { users: (Followed & { cursor: string })[] } {
    const { cursors, events } = this.content;
    // Deletions are only sent after a cursor. Without one, an event from a stream that broke may be
    // gone, so that all events must come again.
    for (const userId of Object.keys(events)) if (!cursors[userId]) delete events[userId];
    return { users: this.followed.map((one) => ({ ...one, cursor: cursors[one.userId] ?? "" })) };
  }

  /** Apply a message, and print it. All messages must be applied, in their order. */
  apply({ message }: WatchEventsResponse): void {
    const { cursors, events } = this.content;
    switch (message.case) {
      case "event": {
        const { userId, eventId, encryptedEventPayload, encryptedEventIv } = message.value;
        const sealed = { payload: toBase64(encryptedEventPayload), iv: toBase64(encryptedEventIv) };
        (events[userId] ??= {})[eventId] = sealed;
        this.print(`event ${eventId}: ${encryptedEventPayload.length} encrypted bytes`);
        break;
      }
      case "deleted":
        delete events[message.value.userId]?.[message.value.eventId];
        this.print(`deleted ${message.value.eventId}`);
        break;
      case "reset":
        // The database was restored, or the cursor is too old. Everything comes again.
        this.drop(message.value.userId);
        this.print(`reset ${message.value.userId}`);
        break;
      case "cursor":
        cursors[message.value.userId] = message.value.cursor;
        this.store.save(this.content);
        break;
      case "invalidFollowSecret": {
        // The user revoked it, or is gone.
        const { userId, followSecret } = message.value;
        this.followed = this.followed.filter(
          (one) => one.userId !== userId || one.followSecret !== followSecret,
        );
        if (!this.followed.some((one) => one.userId === userId)) {
          this.drop(userId);
          this.store.save(this.content);
        }
        this.print(`invalid secret of ${userId}`);
        break;
      }
      case "caughtUp":
        this.print("caught up");
        break;
    }
  }

  private drop(userId: string): void {
    delete this.content.events[userId];
    delete this.content.cursors[userId];
  }
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
