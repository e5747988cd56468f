// Generator of webcrypto_vectors.json. It uses WebCrypto, as the LiftLog app does, so that the
// Python code of the demo is tested against an independent implementation.
//
//   node tests/programs/demo/make_webcrypto_vectors.mjs > tests/programs/demo/webcrypto_vectors.json
//
// Every run generates new keys, which are used for nothing else. Bytes are base64.

const { subtle } = globalThis.crypto;
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const SIGN = { name: "RSA-PSS", saltLength: 32 };

const rsaPair = (name, usages) =>
  subtle.generateKey(
    { name, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    usages,
  );
const exported = async (pair) => ({
  spki: base64(await subtle.exportKey("spki", pair.publicKey)),
  pkcs8: base64(await subtle.exportKey("pkcs8", pair.privateKey)),
});

const signer = await rsaPair("RSA-PSS", ["sign", "verify"]);
const receiver = await rsaPair("RSA-OAEP", ["encrypt", "decrypt"]);
const aes = await subtle.generateKey({ name: "AES-CBC", length: 128 }, true, [
  "encrypt",
  "decrypt",
]);

async function sealed(plaintext) {
  const digest = await subtle.digest("SHA-256", plaintext);
  const signature = new Uint8Array(await subtle.sign(SIGN, signer.privateKey, digest));
  const iv = crypto.getRandomValues(new Uint8Array(16));
  const signed = Buffer.concat([plaintext, signature]);
  const ciphertext = await subtle.encrypt({ name: "AES-CBC", iv }, aes, signed);
  return {
    plaintext: base64(plaintext),
    signature: base64(signature),
    iv: base64(iv),
    ciphertext: base64(ciphertext),
  };
}

async function chunked(plaintext) {
  const chunks = [];
  for (let start = 0; start < plaintext.length; start += 122) {
    const chunk = plaintext.subarray(start, start + 122);
    chunks.push(base64(await subtle.encrypt({ name: "RSA-OAEP" }, receiver.publicKey, chunk)));
  }
  return { plaintext: base64(plaintext), chunks };
}

const counting = (length) => Buffer.from(Array.from({ length }, (_, index) => index % 256));
const text = Buffer.from('{"name":"Kniebeuge – 5 × 5","notes":"Übung läuft 💪 スクワット"}');

const plaintexts = [Buffer.alloc(0), Buffer.from("a"), counting(16), text, counting(1000)];
const messages = [0, 1, 121, 122, 123, 244, 500].map(counting);
const vectors = {
  signer: await exported(signer),
  receiver: await exported(receiver),
  aes: base64(await subtle.exportKey("raw", aes)),
  sealed: await Promise.all(plaintexts.map(sealed)),
  chunked: await Promise.all(messages.map(chunked)),
};
console.log(JSON.stringify(vectors, null, 2));
