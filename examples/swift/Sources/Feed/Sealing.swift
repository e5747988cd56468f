// Encryption of the feed. All keys stay on the client; the server never receives one.
//
// - signature: RSASSA-PSS (RSA-2048, SHA-256, salt of 32 bytes) over the SHA-256 of the text;
// - sealed: AES-128-CBC with PKCS #7 padding and a random IV of 16 bytes, over `text || signature`;
// - message: `text || signature`, encrypted with RSA-OAEP (SHA-256), 122 bytes at a time.
//
// CryptoKit has neither RSA nor CBC. Apple's swift-crypto provides both, in CryptoExtras.

import Crypto
import CryptoExtras
import Foundation

private let signatureBytes = 256
private let chunkBytes = 122

/// Encrypted bytes with their initialization vector.
struct Sealed {
  let bytes: Data
  let iv: Data
}

/// The keys of a person. Followers receive `aes`; the private RSA key is never shared.
struct Keys {
  private let rsa: _RSA.Signing.PrivateKey
  let aes: SymmetricKey

  init() throws {
    rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    aes = SymmetricKey(size: .bits128)
  }

  /// The public RSA key as the server stores it: SubjectPublicKeyInfo, DER.
  var publicKey: Data { rsa.publicKey.derRepresentation }

  /// Return `text || signature`.
  func sign(_ text: Data) throws -> Data {
    try text + rsa.signature(for: digest(text), padding: .PSS).rawRepresentation
  }

  /// Sign and encrypt a text for followers.
  func seal(_ text: Data) throws -> Sealed {
    // Swift's default generator is the system's, which is cryptographically secure.
    let iv = Data((0..<16).map { _ in UInt8.random(in: .min ... .max) })
    let bytes = try AES._CBC.encrypt(sign(text), using: aes, iv: AES._CBC.IV(ivBytes: iv))
    return Sealed(bytes: bytes, iv: iv)
  }

  /// Decrypt a message; return `text || signature`, which is not verified yet.
  func decryptMessage(_ chunks: [Data]) throws -> Data {
    let key = try _RSA.Encryption.PrivateKey(derRepresentation: rsa.derRepresentation)
    return try chunks.reduce(into: Data()) { text, chunk in
      try text.append(key.decrypt(chunk, padding: .PKCS1_OAEP_SHA256))
    }
  }
}

/// Decrypt the result of `Keys.seal`, and verify that the owner of `publicKey` signed it.
func unseal(_ sealed: Sealed, with aes: SymmetricKey, from publicKey: Data) throws -> Data {
  let iv = try AES._CBC.IV(ivBytes: sealed.iv)
  return try verified(AES._CBC.decrypt(sealed.bytes, using: aes, iv: iv), from: publicKey)
}

/// Return the text of `text || signature`; throw an error if another key signed it.
func verified(_ signed: Data, from publicKey: Data) throws -> Data {
  let text = unverified(signed)
  let signature = _RSA.Signing.RSASignature(rawRepresentation: signed.suffix(signatureBytes))
  let key = try _RSA.Signing.PublicKey(derRepresentation: publicKey)
  let genuine = key.isValidSignature(signature, for: digest(text), padding: .PSS)
  guard genuine else { throw CryptoKitError.authenticationFailure }
  return text
}

/// Return the text of `text || signature` without verifying who signed it.
func unverified(_ signed: Data) -> Data {
  Data(signed.dropLast(signatureBytes))
}

/// Encrypt a signed text so that only the owner of `publicKey` can read it.
func encryptMessage(_ signed: Data, to publicKey: Data) throws -> [Data] {
  let key = try _RSA.Encryption.PublicKey(derRepresentation: publicKey)
  return try stride(from: 0, to: signed.count, by: chunkBytes).map { start in
    let chunk = Data(signed.dropFirst(start).prefix(chunkBytes))
    return try key.encrypt(chunk, padding: .PKCS1_OAEP_SHA256)
  }
}

/// Return the SHA-256 as data. PSS hashes it once more, and the LiftLog app signs this way.
private func digest(_ text: Data) -> Data {
  Data(SHA256.hash(data: text))
}
