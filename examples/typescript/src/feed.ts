/*
 * An app for the web: publishes a workout that only a follower can read, then keeps a diary.
 *
 * Ada publishes, Bob follows. Each step is one line for `say`; what is not as it should be throws.
 * The calls are gRPC-Web, which a browser's fetch can speak.
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
import { type Bytes, Keys, own, unseal, unverified, verified, writeLetter } from "./sealing.js";

type Say = (line: string) => void;

const NAME = "Ada Lovelace";
const WORKOUT = '{"workout": "squats", "sets": 5, "reps": 5, "mood": "😀"}';
const MONTH = 30 * 24 * 60 * 60 * 1000;

/** A user of the feed. The password and the keys stay on the phone. */
interface Person {
  id: string;
  password: string;
  keys: Keys;
}

/** Runs all of it against the server at this address. */
export async function run(baseUrl: string, say: Say): Promise<void> {
  const transport = createGrpcWebTransport({ baseUrl });
  await shareWithAFollower(transport, say);
  await keepADiary(transport, say);
}

/** The encrypted feed: from two new users to a workout that one wrote and the other read. */
async function shareWithAFollower(transport: Transport, say: Say): Promise<void> {
  const users = createClient(UserService, transport);
  const events = createClient(EventService, transport);
  const inbox = createClient(InboxService, transport);
  const follows = createClient(FollowService, transport);

  const ada = await join(transport, NAME);
  const bob = await join(transport, "Bob");
  say("Ada and Bob published their public keys and their encrypted names");

  // Ada lets Bob follow. What he needs for it is in a letter that only he can read.
  const followSecret = crypto.randomUUID();
  await follows.putFollowSecret({ userId: ada.id, password: ada.password, followSecret });
  const letter = JSON.stringify({ from: ada.id, aesKey: toBase64(ada.keys.aes), followSecret });
  const profile = await users.getUser({ idOrLookup: bob.id });
  const signed = await ada.keys.sign(encode(letter));
  const encryptedMessage = await writeLetter(signed, own(profile.rsaPublicKey));
  await inbox.putInboxMessage({ toUserId: bob.id, encryptedMessage });
  say("Ada sent Bob her follow secret and her key, encrypted for him");

  // Bob opens it, and believes it only after he has verified the signature.
  const mine = { userId: bob.id, password: bob.password };
  const message = only((await inbox.getInboxMessages(mine)).inboxMessages, "Bob's inbox");
  const opened = await bob.keys.openLetter(message.encryptedMessage);
  const sender = JSON.parse(decode(unverified(opened))).from;
  const adaSeen = await users.getUser({ idOrLookup: sender });
  const publicKey = own(adaSeen.rsaPublicKey);
  const got = JSON.parse(decode(await verified(opened, publicKey)));
  const aes = fromBase64(got.aesKey);
  const name = await readName(adaSeen, aes);
  expect(name === NAME, `the name came back as ${name}`);
  say(`Bob opened it, and reads Ada's name: ${name}`);

  const { bytes, iv } = await ada.keys.seal(encode(WORKOUT));
  await events.putEvent({
    userId: ada.id,
    password: ada.password,
    eventId: crypto.randomUUID(),
    encryptedEventPayload: bytes,
    encryptedEventIv: iv,
    expiry: timestampFromDate(new Date(Date.now() + MONTH)),
  });
  say(`Ada published a workout: ${bytes.length} encrypted bytes`);

  const feed = await events.getEvents({
    users: [{ userId: sender, followSecret: got.followSecret }],
  });
  const event = only(feed.events, "Bob's feed");
  const found = { bytes: own(event.encryptedEventPayload), iv: own(event.encryptedEventIv) };
  expect(toBase64(found.bytes) === toBase64(bytes), "the server changed the encrypted bytes");
  const text = decode(await unseal(found, aes, publicKey));
  expect(text === WORKOUT, `the workout came back as ${text}`);
  say(`Bob read it, byte for byte: ${text}`);

  for (const { id, password } of [ada, bob]) await users.deleteUser({ id, password });
  say("Ada and Bob deleted themselves");
}

/** Makes a user, then publishes the public key and the encrypted name. */
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

/** Decrypts the name in a profile, and verifies that its owner wrote it. */
async function readName(profile: GetUserResponse, aes: Bytes): Promise<string> {
  expect(profile.encryptedName !== undefined, "the profile holds no name");
  const sealed = { bytes: own(profile.encryptedName), iv: own(profile.encryptionIv) };
  return decode(await unseal(sealed, aes, own(profile.rsaPublicKey)));
}

/** An account with a username, and a workout in its diary, which the server can read. */
async function keepADiary(transport: Transport, say: Say): Promise<void> {
  const accounts = createClient(AuthService, transport);
  const diary = createClient(WorkoutService, transport);
  const username = `ada ${crypto.randomUUID()}`;
  const password = crypto.randomUUID();
  const account = await accounts.register({ username, password });
  const { accessToken } = await accounts.login({ username, password });
  const headers = { authorization: `Bearer ${accessToken}` };
  say("registered and logged in");

  const workout = { date: "2026-02-07", type: "Running", duration: 30, notes: "Easy pace" };
  const { id } = await diary.createWorkout(workout, { headers });
  const listed = only((await diary.listWorkouts({}, { headers })).workouts, "the diary");
  const { date, type, duration, notes } = listed;
  expect(
    listed.id === id && JSON.stringify({ date, type, duration, notes }) === JSON.stringify(workout),
    `the workout came back as ${date} ${type}, ${duration} minutes, ${notes}`,
  );
  say(`the diary holds one workout: ${date} ${type}, ${duration} minutes`);

  await diary.deleteWorkout({ id }, { headers });
  const { workouts } = await diary.listWorkouts({}, { headers });
  expect(workouts.length === 0, "the workout is still in the diary");
  // An account is a user: its token does for a password.
  await createClient(UserService, transport).deleteUser({ id: account.id }, { headers });
  say("deleted the workout and the account");
}

function expect(so: boolean, what: string): asserts so {
  if (!so) throw new Error(`that is not right: ${what}`);
}

function only<T>(items: T[], where: string): T {
  const [item] = items;
  expect(item !== undefined && items.length === 1, `${where} holds ${items.length} instead of one`);
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
