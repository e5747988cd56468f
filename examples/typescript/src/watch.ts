/*
 * Watch users' events: keep a copy of them, and continue after each break.
 *
 * Each change passes one line to `print`. The copy is exactly what is on the server, however often
 * the connection or the program breaks, because each cursor is stored together with what came
 * before it.
 */

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { EventService, type WatchEventsResponse } from "./generated/gymlocker/v2/event_pb.js";

/** The encrypted events of followed users by id, in base64, and the cursor of each user. */
export interface Copy {
  cursors: Record<string, string>;
  events: Record<string, Record<string, { payload: string; iv: string }>>;
}

/** Where the copy is kept: a file under Node, the storage of the page in a browser. */
export interface Store {
  load(): Copy | undefined;
  save(copy: Copy): void;
}

/** A followed user. */
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
  const copy = store.load() ?? { cursors: {}, events: {} };
  for (let failures = 0; ; failures++) {
    let reason = "the connection was closed";
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE);
    try {
      const users = followed.map((user) => ({ ...user, cursor: copy.cursors[user.userId] ?? "" }));
      for await (const response of events.watchEvents({ users }, { signal: silence.signal })) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE);
        failures = 0;
        apply(response, copy, store, print);
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
}

/** Apply a message to the copy, and print it. All messages must be applied, in their order. */
function apply(
  { message }: WatchEventsResponse,
  copy: Copy,
  store: Store,
  print: (line: string) => void,
): void {
  switch (message.case) {
    case "event": {
      const { userId, eventId, encryptedEventPayload, encryptedEventIv } = message.value;
      const sealed = { payload: toBase64(encryptedEventPayload), iv: toBase64(encryptedEventIv) };
      (copy.events[userId] ??= {})[eventId] = sealed;
      print(`event ${eventId}: ${encryptedEventPayload.length} encrypted bytes`);
      break;
    }
    case "deleted":
      delete copy.events[message.value.userId]?.[message.value.eventId];
      print(`deleted ${message.value.eventId}`);
      break;
    case "reset":
      // The database was restored, or the cursor is too old. Everything comes again.
      delete copy.events[message.value.userId];
      print(`reset ${message.value.userId}`);
      break;
    case "cursor":
      copy.cursors[message.value.userId] = message.value.cursor;
      store.save(copy);
      break;
    case "invalidFollowSecret":
      // The user revoked it, or is gone.
      delete copy.events[message.value.userId];
      delete copy.cursors[message.value.userId];
      store.save(copy);
      print(`no longer a follower of ${message.value.userId}`);
      break;
    case "caughtUp":
      print("caught up");
      break;
  }
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
