// The encryption of the feed: all that is done with keys. The server never sees one.
//
// - signature: RSASSA-PSS (RSA-2048, SHA-256, salt of 32 bytes) over the SHA-256 of the text;
// - sealed: AES-128-CBC with PKCS #7 padding and a random IV of 16 bytes, over `text || signature`;
// - a letter: `text || signature`, encrypted with RSA-OAEP (SHA-256), 122 bytes at a time.
//
// CryptoKit has neither RSA nor CBC. Apple's swift-crypto has both, in CryptoExtras.

import Crypto
import CryptoExtras
import Foundation

private let signatureBytes = 256
private let chunkBytes = 122

/// What can be sent: encrypted bytes, and the vector that goes with them.
struct Sealed {
  let bytes: Data
  let iv: Data
}

/// The keys of a person. `aes` goes to whom they let follow; the private RSA key to nobody.
struct Keys {
  private let rsa: _RSA.Signing.PrivateKey
  let aes: SymmetricKey

  init() throws {
    rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    aes = SymmetricKey(size: .bits128)
  }

  /// As the server keeps it: SubjectPublicKeyInfo, DER.
  var publicKey: Data { rsa.publicKey.derRepresentation }

  /// Returns the text with its signature behind it.
  func sign(_ text: Data) throws -> Data {
    try text + rsa.signature(for: digest(text), padding: .PSS).rawRepresentation
  }

  /// Signs and encrypts a text for those who follow.
  func seal(_ text: Data) throws -> Sealed {
    // Swift's own generator is the system's, which is good enough for keys.
    let iv = Data((0..<16).map { _ in UInt8.random(in: .min ... .max) })
    let bytes = try AES._CBC.encrypt(sign(text), using: aes, iv: AES._CBC.IV(ivBytes: iv))
    return Sealed(bytes: bytes, iv: iv)
  }

  /// Decrypts a letter: a text with its signature, still to be verified.
  func openLetter(_ chunks: [Data]) throws -> Data {
    let key = try _RSA.Encryption.PrivateKey(derRepresentation: rsa.derRepresentation)
    return try chunks.reduce(into: Data()) { text, chunk in
      try text.append(key.decrypt(chunk, padding: .PKCS1_OAEP_SHA256))
    }
  }
}

/// Decrypts what `Keys.seal` made, and verifies that the owner of `publicKey` signed it.
func unseal(_ sealed: Sealed, with aes: SymmetricKey, from publicKey: Data) throws -> Data {
  let iv = try AES._CBC.IV(ivBytes: sealed.iv)
  return try verified(AES._CBC.decrypt(sealed.bytes, using: aes, iv: iv), from: publicKey)
}

/// Returns the text of `text || signature`; throws if another signed it.
func verified(_ signed: Data, from publicKey: Data) throws -> Data {
  let text = unverified(signed)
  let signature = _RSA.Signing.RSASignature(rawRepresentation: signed.suffix(signatureBytes))
  let key = try _RSA.Signing.PublicKey(derRepresentation: publicKey)
  let genuine = key.isValidSignature(signature, for: digest(text), padding: .PSS)
  guard genuine else { throw CryptoKitError.authenticationFailure }
  return text
}

/// Returns the text of `text || signature`, which anybody may have written.
func unverified(_ signed: Data) -> Data {
  Data(signed.dropLast(signatureBytes))
}

/// Encrypts a signed text so that only the owner of `publicKey` can read it.
func writeLetter(_ signed: Data, to publicKey: Data) throws -> [Data] {
  let key = try _RSA.Encryption.PublicKey(derRepresentation: publicKey)
  return try stride(from: 0, to: signed.count, by: chunkBytes).map { start in
    let chunk = Data(signed.dropFirst(start).prefix(chunkBytes))
    return try key.encrypt(chunk, padding: .PKCS1_OAEP_SHA256)
  }
}

/// SHA-256, as data: PSS hashes data once more, and that is how the LiftLog app signs.
private func digest(_ text: Data) -> Data {
  Data(SHA256.hash(data: text))
}
