/*
 * An app for the web: publish a workout that only a follower can read, then log one.
 *
 * Ada publishes, Bob follows. Each step passes one line to `print`; an unexpected result throws an
 * error. The calls are gRPC-Web, which works with a browser's fetch.
 */

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { AuthService } from "./generated/gymlocker/v2/auth_pb.js";
import { EventService } from "./generated/gymlocker/v2/event_pb.js";
import { FollowService } from "./generated/gymlocker/v2/follow_pb.js";
import { InboxService } from "./generated/gymlocker/v2/inbox_pb.js";
import { type GetUserResponse, UserService } from "./generated/gymlocker/v2/user_pb.js";
import { WorkoutService } from "./generated/gymlocker/v2/workout_pb.js";
import {
  type Bytes,
  copyBytes,
  encryptMessage,
  Keys,
  unseal,
  unverified,
  verified,
} from "./sealing.js";

type Print = (line: string) => void;

const NAME = "Ada Lovelace";
const WORKOUT = '{"workout": "squats", "sets": 5, "reps": 5, "mood": "😀"}';
const MONTH = 30 * 24 * 60 * 60 * 1000;

/** A user of the feed. The password and the keys stay on the phone. */
interface Person {
  id: string;
  password: string;
  keys: Keys;
}

/** Run both parts against the server at this URL. */
export async function run(baseUrl: string, print: Print): Promise<void> {
  const transport = createGrpcWebTransport({ baseUrl });
  await shareWithAFollower(transport, print);
  await logAWorkout(transport, print);
}

/** Use the encrypted feed: Ada publishes a workout, and Bob reads it. */
async function shareWithAFollower(transport: Transport, print: Print): Promise<void> {
  const users = createClient(UserService, transport);
  const events = createClient(EventService, transport);
  const inbox = createClient(InboxService, transport);
  const follows = createClient(FollowService, transport);

  const ada = await join(transport, NAME);
  const bob = await join(transport, "Bob");
  print("Ada and Bob published their public keys and their encrypted names");

  // Ada lets Bob follow. She sends her secret and key in a message that only he can read.
  const followSecret = crypto.randomUUID();
  await follows.putFollowSecret({ userId: ada.id, password: ada.password, followSecret });
  const content = JSON.stringify({ from: ada.id, aesKey: toBase64(ada.keys.aes), followSecret });
  const bobProfile = await users.getUser({ idOrLookup: bob.id });
  const signed = await ada.keys.sign(encode(content));
  const encryptedMessage = await encryptMessage(signed, copyBytes(bobProfile.rsaPublicKey));
  await inbox.putInboxMessage({ toUserId: bob.id, encryptedMessage });
  print("Ada sent Bob her follow secret and her key, encrypted for him");

  // Bob decrypts it. He must not trust its content before he has verified the signature.
  const credentials = { userId: bob.id, password: bob.password };
  const message = only((await inbox.getInboxMessages(credentials)).inboxMessages, "Bob's inbox");
  const decrypted = await bob.keys.decryptMessage(message.encryptedMessage);
  const sender = JSON.parse(decode(unverified(decrypted))).from;
  const adaProfile = await users.getUser({ idOrLookup: sender });
  const publicKey = copyBytes(adaProfile.rsaPublicKey);
  const received = JSON.parse(decode(await verified(decrypted, publicKey)));
  const aes = fromBase64(received.aesKey);
  const name = await readName(adaProfile, aes);
  expect(name === NAME, `the name was returned as ${name}`);
  print(`Bob decrypted it and read Ada's name: ${name}`);

  const { bytes, iv } = await ada.keys.seal(encode(WORKOUT));
  await events.putEvent({
    userId: ada.id,
    password: ada.password,
    eventId: crypto.randomUUID(),
    encryptedEventPayload: bytes,
    encryptedEventIv: iv,
    expiry: timestampFromDate(new Date(Date.now() + MONTH)),
  });
  print(`Ada published a workout: ${bytes.length} encrypted bytes`);

  const feed = await events.getEvents({
    users: [{ userId: sender, followSecret: received.followSecret }],
  });
  const event = only(feed.events, "Bob's feed");
  const found = {
    bytes: copyBytes(event.encryptedEventPayload),
    iv: copyBytes(event.encryptedEventIv),
  };
  expect(toBase64(found.bytes) === toBase64(bytes), "the server changed the encrypted bytes");
  const text = decode(await unseal(found, aes, publicKey));
  expect(text === WORKOUT, `the workout was returned as ${text}`);
  print(`Bob read it, byte for byte: ${text}`);

  for (const { id, password } of [ada, bob]) await users.deleteUser({ id, password });
  print("Ada and Bob deleted their users");
}

/** Create a user, then publish the public key and the encrypted name. */
async function join(transport: Transport, name: string): Promise<Person> {
  const users = createClient(UserService, transport);
  const { id, password } = await users.createUser({});
  const keys = await Keys.make();
  const sealed = await keys.seal(encode(name));
  await users.updateUser({
    id,
    password,
    encryptedName: sealed.bytes,
    encryptionIv: sealed.iv,
    rsaPublicKey: keys.publicKey,
  });
  return { id, password, keys };
}

/** Decrypt the name in a profile, and verify that its owner signed it. */
async function readName(profile: GetUserResponse, aes: Bytes): Promise<string> {
  expect(profile.encryptedName !== undefined, "the profile contains no name");
  const sealed = { bytes: copyBytes(profile.encryptedName), iv: copyBytes(profile.encryptionIv) };
  return decode(await unseal(sealed, aes, copyBytes(profile.rsaPublicKey)));
}

/** Create an account with a username, and a workout in its log, which the server can read. */
async function logAWorkout(transport: Transport, print: Print): Promise<void> {
  const accounts = createClient(AuthService, transport);
  const log = createClient(WorkoutService, transport);
  const username = `ada ${crypto.randomUUID()}`;
  const password = crypto.randomUUID();
  const account = await accounts.register({ username, password });
  const { accessToken } = await accounts.login({ username, password });
  const headers = { authorization: `Bearer ${accessToken}` };
  print("registered and logged in");

  const sets = [5, 4].map((reps) => ({ reps, weight: { value: 102.5, unit: "kg" } }));
  const squats = { name: "Squat", sets };
  const workout = { date: "2026-02-07", type: "Lifting", duration: 55, exercises: [squats] };
  const { id } = await log.createWorkout(workout, { headers });
  // With exercises, which a list leaves out otherwise.
  const everything = { view: "full" };
  const listed = only((await log.listWorkouts(everything, { headers })).workouts, "the log");
  const { date, type, duration, exercises, setCount } = listed;
  const returned = exercises.map(({ name, sets }) => ({
    name,
    sets: sets.map(({ reps, weight }) => ({
      reps,
      weight: { value: weight?.value, unit: weight?.unit },
    })),
  }));
  expect(
    listed.id === id && JSON.stringify(returned) === JSON.stringify([squats]),
    `the exercises were returned as ${JSON.stringify(returned)}`,
  );
  const about = `${date} ${type}, ${duration} minutes, ${setCount} sets of Squat`;
  print(`the log contains one workout: ${about}`);

  await log.deleteWorkout({ id }, { headers });
  const { workouts } = await log.listWorkouts(everything, { headers });
  expect(workouts.length === 0, "the workout is still in the log");
  // An account is also a user. Its token replaces the password.
  await createClient(UserService, transport).deleteUser({ id: account.id }, { headers });
  print("deleted the workout and the account");
}

function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`unexpected result: ${message}`);
}

function only<T>(items: T[], place: string): T {
  const [item] = items;
  const message = `${place} contains ${items.length} items instead of one`;
  expect(item !== undefined && items.length === 1, message);
  return item;
}

function encode(text: string): Bytes {
  return new TextEncoder().encode(text);
}

function decode(bytes: Bytes): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function toBase64(bytes: Bytes): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
