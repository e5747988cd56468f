/*
 * Encryption of the feed. All keys stay on the client; the server never receives one.
 *
 * - signature: RSASSA-PSS (RSA-2048, SHA-256, salt of 32 bytes) over the SHA-256 of the text;
 * - sealed: AES-128-CBC with PKCS #7 padding and a random IV of 16 bytes, over `text || signature`;
 * - message: `text || signature`, encrypted with RSA-OAEP (SHA-256), 122 bytes at a time.
 *
 * WebCrypto pads AES-CBC by itself. A WebCrypto key has one algorithm, so the RSA key is imported
 * twice. Outside localhost, browsers provide WebCrypto over https only.
 */

export type Bytes = Uint8Array<ArrayBuffer>;

const { subtle } = crypto;
const SIGNATURE_BYTES = 256;
const CHUNK_BYTES = 122;
const SIGNING = { name: "RSA-PSS", hash: "SHA-256" };
const ENCRYPTION = { name: "RSA-OAEP", hash: "SHA-256" };
const PSS = { name: "RSA-PSS", saltLength: 32 };

/** Encrypted bytes with their initialization vector. */
export interface Sealed {
  bytes: Bytes;
  iv: Bytes;
}

/** The keys of a person. Followers receive `aes`; the private RSA key is never shared. */
export class Keys {
  private constructor(
    /** The public RSA key as the server stores it: SubjectPublicKeyInfo, DER. */
    readonly publicKey: Bytes,
    readonly aes: Bytes,
    private readonly signing: CryptoKey,
    private readonly decryption: CryptoKey,
  ) {}

  static async make(): Promise<Keys> {
    const size = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
    const pair = await subtle.generateKey({ ...SIGNING, ...size }, true, ["sign", "verify"]);
    const pkcs8 = await subtle.exportKey("pkcs8", pair.privateKey);
    return new Keys(
      new Uint8Array(await subtle.exportKey("spki", pair.publicKey)),
      crypto.getRandomValues(new Uint8Array(16)),
      pair.privateKey,
      await subtle.importKey("pkcs8", pkcs8, ENCRYPTION, false, ["decrypt"]),
    );
  }

  /** Return `text || signature`. */
  async sign(text: Bytes): Promise<Bytes> {
    const signature = await subtle.sign(PSS, this.signing, await digest(text));
    return join([text, new Uint8Array(signature)]);
  }

  /** Sign and encrypt a text for followers. */
  async seal(text: Bytes): Promise<Sealed> {
    const iv = crypto.getRandomValues(new Uint8Array(16));
    const key = await subtle.importKey("raw", this.aes, "AES-CBC", false, ["encrypt"]);
    const bytes = await subtle.encrypt({ name: "AES-CBC", iv }, key, await this.sign(text));
    return { bytes: new Uint8Array(bytes), iv };
  }

  /** Decrypt a message; return `text || signature`, which is not verified yet. */
  async decryptMessage(chunks: Uint8Array[]): Promise<Bytes> {
    const decrypted = chunks.map((chunk) =>
      subtle.decrypt(ENCRYPTION, this.decryption, copyBytes(chunk)),
    );
    return join((await Promise.all(decrypted)).map((part) => new Uint8Array(part)));
  }
}

/** Decrypt the result of `Keys.seal`, and verify that the owner of `publicKey` signed it. */
export async function unseal(sealed: Sealed, aes: Bytes, publicKey: Bytes): Promise<Bytes> {
  const key = await subtle.importKey("raw", aes, "AES-CBC", false, ["decrypt"]);
  const signed = await subtle.decrypt({ name: "AES-CBC", iv: sealed.iv }, key, sealed.bytes);
  return verified(new Uint8Array(signed), publicKey);
}

/** Return the text of `text || signature`; throw an error if another key signed it. */
export async function verified(signed: Bytes, publicKey: Bytes): Promise<Bytes> {
  const text = unverified(signed);
  const key = await subtle.importKey("spki", publicKey, SIGNING, false, ["verify"]);
  const signature = signed.slice(-SIGNATURE_BYTES);
  if (!(await subtle.verify(PSS, key, signature, await digest(text)))) {
    throw new Error("the signature is not the sender's");
  }
  return text;
}

/** Return the text of `text || signature` without verifying who signed it. */
export function unverified(signed: Bytes): Bytes {
  return signed.slice(0, -SIGNATURE_BYTES);
}

/** Encrypt a signed text so that only the owner of `publicKey` can read it. */
export async function encryptMessage(signed: Bytes, publicKey: Bytes): Promise<Bytes[]> {
  const key = await subtle.importKey("spki", publicKey, ENCRYPTION, false, ["encrypt"]);
  const chunks: Bytes[] = [];
  for (let at = 0; at < signed.length; at += CHUNK_BYTES) {
    const chunk = await subtle.encrypt(ENCRYPTION, key, signed.slice(at, at + CHUNK_BYTES));
    chunks.push(new Uint8Array(chunk));
  }
  return chunks;
}

/** Return a copy of a message's bytes with the buffer type that WebCrypto requires. */
export function copyBytes(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

/** Return the SHA-256. PSS hashes its input once more, and the LiftLog app signs this way. */
function digest(text: Bytes): Promise<ArrayBuffer> {
  return subtle.digest("SHA-256", text);
}

function join(parts: Bytes[]): Bytes {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
