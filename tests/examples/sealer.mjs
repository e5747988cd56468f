// The sealing of the example in TypeScript, for sealers.py: node sealer.mjs <its module>
// A line asks, a line answers: a verb and its arguments, which are bytes, as base64.
import { createInterface } from "node:readline";

const { Keys, unseal, verified, writeLetter } = await import(process.argv[2]);
const keys = await Keys.make();

const verbs = {
  async keys() {
    return [keys.publicKey, keys.aes];
  },
  async seal(text) {
    const { bytes, iv } = await keys.seal(text);
    return [bytes, iv];
  },
  async unseal(bytes, iv, aes, publicKey) {
    return [await unseal({ bytes, iv }, aes, publicKey)];
  },
  async write(text, publicKey) {
    return writeLetter(await keys.sign(text), publicKey);
  },
  async read(publicKey, ...letter) {
    return [await verified(await keys.openLetter(letter), publicKey)];
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...parts] = line.split(" ");
  const answer = await verbs[verb](...parts.map((part) => new Uint8Array(Buffer.from(part, "base64"))));
  console.log(answer.map((part) => Buffer.from(part).toString("base64")).join(" "));
}
