// The encryption of the TypeScript example, for sealers.py: node sealer.mjs <its module>
// A request is a line with a verb and arguments; a response is a line. Bytes are base64.
import { createInterface } from "node:readline";

const { encryptMessage, Keys, unseal, verified } = await import(process.argv[2]);
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
  async encrypt(text, publicKey) {
    return encryptMessage(await keys.sign(text), publicKey);
  },
  async decrypt(publicKey, ...chunks) {
    return [await verified(await keys.decryptMessage(chunks), publicKey)];
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...parts] = line.split(" ");
  const response = await verbs[verb](...parts.map((part) => new Uint8Array(Buffer.from(part, "base64"))));
  console.log(response.map((part) => Buffer.from(part).toString("base64")).join(" "));
}
