/*
 * The encryption of the feed: all that is done with keys. The server never sees one.
 *
 * - signature: RSASSA-PSS (RSA-2048, SHA-256, salt of 32 bytes) over the SHA-256 of the text;
 * - sealed: AES-128-CBC with PKCS #7 padding and a random IV of 16 bytes, over `text || signature`;
 * - a letter: `text || signature`, encrypted with RSA-OAEP (SHA-256), 122 bytes at a time.
 *
 * WebCrypto pads AES-CBC by itself. It wants a key for each thing that is done with it: the RSA key
 * is one, and is held twice. Outside of localhost, a browser offers WebCrypto over https only.
 */

export type Bytes = Uint8Array<ArrayBuffer>;

const { subtle } = crypto;
const SIGNATURE_BYTES = 256;
const CHUNK_BYTES = 122;
const SIGNING = { name: "RSA-PSS", hash: "SHA-256" };
const LETTERS = { name: "RSA-OAEP", hash: "SHA-256" };
const PSS = { name: "RSA-PSS", saltLength: 32 };

/** What can be sent: encrypted bytes, and the vector that goes with them. */
export interface Sealed {
  bytes: Bytes;
  iv: Bytes;
}

/** The keys of a person. `aes` goes to whom they let follow; the private RSA key to nobody. */
export class Keys {
  private constructor(
    /** As the server keeps it: SubjectPublicKeyInfo, DER. */
    readonly publicKey: Bytes,
    readonly aes: Bytes,
    private readonly signing: CryptoKey,
    private readonly opening: CryptoKey,
  ) {}

  static async make(): Promise<Keys> {
    const size = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
    const pair = await subtle.generateKey({ ...SIGNING, ...size }, true, ["sign", "verify"]);
    const pkcs8 = await subtle.exportKey("pkcs8", pair.privateKey);
    return new Keys(
      new Uint8Array(await subtle.exportKey("spki", pair.publicKey)),
      crypto.getRandomValues(new Uint8Array(16)),
      pair.privateKey,
      await subtle.importKey("pkcs8", pkcs8, LETTERS, false, ["decrypt"]),
    );
  }

  /** Returns the text with its signature behind it. */
  async sign(text: Bytes): Promise<Bytes> {
    const signature = await subtle.sign(PSS, this.signing, await digest(text));
    return join([text, new Uint8Array(signature)]);
  }

  /** Signs and encrypts a text for those who follow. */
  async seal(text: Bytes): Promise<Sealed> {
    const iv = crypto.getRandomValues(new Uint8Array(16));
    const key = await subtle.importKey("raw", this.aes, "AES-CBC", false, ["encrypt"]);
    const bytes = await subtle.encrypt({ name: "AES-CBC", iv }, key, await this.sign(text));
    return { bytes: new Uint8Array(bytes), iv };
  }

  /** Decrypts a letter: a text with its signature, still to be verified. */
  async openLetter(chunks: Uint8Array[]): Promise<Bytes> {
    const opened = chunks.map((chunk) => subtle.decrypt(LETTERS, this.opening, own(chunk)));
    return join((await Promise.all(opened)).map((part) => new Uint8Array(part)));
  }
}

/** Decrypts what `Keys.seal` made, and verifies that the owner of `publicKey` signed it. */
export async function unseal(sealed: Sealed, aes: Bytes, publicKey: Bytes): Promise<Bytes> {
  const key = await subtle.importKey("raw", aes, "AES-CBC", false, ["decrypt"]);
  const signed = await subtle.decrypt({ name: "AES-CBC", iv: sealed.iv }, key, sealed.bytes);
  return verified(new Uint8Array(signed), publicKey);
}

/** Returns the text of `text || signature`; throws if another signed it. */
export async function verified(signed: Bytes, publicKey: Bytes): Promise<Bytes> {
  const text = unverified(signed);
  const key = await subtle.importKey("spki", publicKey, SIGNING, false, ["verify"]);
  const signature = signed.slice(-SIGNATURE_BYTES);
  if (!(await subtle.verify(PSS, key, signature, await digest(text)))) {
    throw new Error("the signature is not the sender's");
  }
  return text;
}

/** Returns the text of `text || signature`, which anybody may have written. */
export function unverified(signed: Bytes): Bytes {
  return signed.slice(0, -SIGNATURE_BYTES);
}

/** Encrypts a signed text so that only the owner of `publicKey` can read it. */
export async function writeLetter(signed: Bytes, publicKey: Bytes): Promise<Bytes[]> {
  const key = await subtle.importKey("spki", publicKey, LETTERS, false, ["encrypt"]);
  const chunks: Bytes[] = [];
  for (let at = 0; at < signed.length; at += CHUNK_BYTES) {
    const chunk = await subtle.encrypt(LETTERS, key, signed.slice(at, at + CHUNK_BYTES));
    chunks.push(new Uint8Array(chunk));
  }
  return chunks;
}

/** The bytes of a message, as WebCrypto takes them: a copy of their own. */
export function own(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

/** SHA-256. PSS hashes what it is given once more; that is how the LiftLog app signs. */
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
