// Decrypts bytes of the demo with WebCrypto: JSON with base64 on standard input, the plaintexts as
// JSON on standard output. make_webcrypto_vectors.mjs covers the other direction.

import { readFileSync } from "node:fs";

const { subtle } = globalThis.crypto;
const given = JSON.parse(readFileSync(0, "utf8"));
const bytes = (name) => Buffer.from(given[name], "base64");

const aes = await subtle.importKey("raw", bytes("aes"), "AES-CBC", false, ["decrypt"]);
const hashed = (name) => ({ name, hash: "SHA-256" });
const signer = await subtle.importKey("spki", bytes("spki"), hashed("RSA-PSS"), false, ["verify"]);
const receiver = await subtle.importKey("pkcs8", bytes("pkcs8"), hashed("RSA-OAEP"), false, [
  "decrypt",
]);

const cbc = { name: "AES-CBC", iv: bytes("iv") };
const signed = Buffer.from(await subtle.decrypt(cbc, aes, bytes("ciphertext")));
const [sealed, signature] = [signed.subarray(0, -256), signed.subarray(-256)];
const digest = await subtle.digest("SHA-256", sealed);
const pss = { name: "RSA-PSS", saltLength: 32 };
const verified = await subtle.verify(pss, signer, signature, digest);

const parts = [];
for (const chunk of given.chunks) {
  const encrypted = Buffer.from(chunk, "base64");
  parts.push(Buffer.from(await subtle.decrypt({ name: "RSA-OAEP" }, receiver, encrypted)));
}

const base64 = (value) => Buffer.from(value).toString("base64");
console.log(
  JSON.stringify({ verified, sealed: base64(sealed), chunked: base64(Buffer.concat(parts)) }),
);
