/*
 * Encryption of the feed. All keys stay on the client; the server never receives one.
 *
 * - signature: RSASSA-PSS (RSA-2048, SHA-256, salt of 32 bytes) over the SHA-256 of the text;
 * - sealed: AES-128-CBC with PKCS #7 padding and a random IV of 16 bytes, over `text || signature`;
 * - message: `text || signature`, encrypted with RSA-OAEP (SHA-256), 122 bytes at a time.
 *
 * Android has the same classes. Java's PKCS5Padding is PKCS #7 padding for AES.
 */

import java.security.KeyFactory
import java.security.KeyPairGenerator
import java.security.MessageDigest
import java.security.PublicKey
import java.security.SecureRandom
import java.security.Signature
import java.security.SignatureException
import java.security.spec.MGF1ParameterSpec
import java.security.spec.PSSParameterSpec
import java.security.spec.X509EncodedKeySpec
import javax.crypto.Cipher
import javax.crypto.spec.IvParameterSpec
import javax.crypto.spec.OAEPParameterSpec
import javax.crypto.spec.PSource
import javax.crypto.spec.SecretKeySpec

private const val SIGNATURE_BYTES = 256
private const val CHUNK_BYTES = 122

/** Encrypted bytes with their initialization vector. */
class Sealed(val bytes: ByteArray, val iv: ByteArray)

/** The keys of a person. Followers receive `aes`; the private RSA key is never shared. */
class Keys {
    private val rsa =
        KeyPairGenerator.getInstance("RSA").apply { initialize(2048) }.generateKeyPair()
    val aes = randomBytes(16)

    /** The public RSA key as the server stores it: SubjectPublicKeyInfo, DER. */
    val public: ByteArray get() = rsa.public.encoded

    /** Return `text || signature`. */
    fun sign(text: ByteArray): ByteArray {
        val signer = pss().apply { initSign(rsa.private) }
        signer.update(digest(text))
        return text + signer.sign()
    }

    /** Sign and encrypt a text for followers. */
    fun seal(text: ByteArray): Sealed {
        val iv = randomBytes(16)
        return Sealed(cbc(Cipher.ENCRYPT_MODE, aes, iv).doFinal(sign(text)), iv)
    }

    /** Decrypt a message; return `text || signature`, which is not verified yet. */
    fun decryptMessage(chunks: List<ByteArray>): ByteArray {
        val cipher = oaep().apply { init(Cipher.DECRYPT_MODE, rsa.private, OAEP) }
        return chunks.fold(byteArrayOf()) { text, chunk -> text + cipher.doFinal(chunk) }
    }
}

/** Decrypt the result of `Keys.seal`, and verify that the owner of `public` signed it. */
fun unseal(sealed: Sealed, aes: ByteArray, public: ByteArray): ByteArray =
    verified(cbc(Cipher.DECRYPT_MODE, aes, sealed.iv).doFinal(sealed.bytes), public)

/** Return the text of `text || signature`; throw an error if another key signed it. */
fun verified(signed: ByteArray, public: ByteArray): ByteArray {
    val text = unverified(signed)
    val verifier = pss().apply { initVerify(rsaKey(public)) }
    verifier.update(digest(text))
    val genuine = verifier.verify(signed, text.size, SIGNATURE_BYTES)
    if (!genuine) throw SignatureException("the signature is not the sender's")
    return text
}

/** Return the text of `text || signature` without verifying who signed it. */
fun unverified(signed: ByteArray): ByteArray = signed.copyOf(signed.size - SIGNATURE_BYTES)

/** Encrypt a signed text so that only the owner of `public` can read it. */
fun encryptMessage(signed: ByteArray, public: ByteArray): List<ByteArray> {
    val cipher = oaep().apply { init(Cipher.ENCRYPT_MODE, rsaKey(public), OAEP) }
    return signed.asList().chunked(CHUNK_BYTES) { cipher.doFinal(it.toByteArray()) }
}

// All parameters are explicit, because Java's default for both hashes is SHA-1.
private val OAEP =
    OAEPParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, PSource.PSpecified.DEFAULT)

private fun oaep(): Cipher = Cipher.getInstance("RSA/ECB/OAEPPadding")

// On Android: Signature.getInstance("SHA256withRSA/PSS").
private fun pss(): Signature = Signature.getInstance("RSASSA-PSS").apply {
    setParameter(PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1))
}

private fun cbc(mode: Int, aes: ByteArray, iv: ByteArray): Cipher =
    Cipher.getInstance("AES/CBC/PKCS5Padding").apply {
        init(mode, SecretKeySpec(aes, "AES"), IvParameterSpec(iv))
    }

/** Return the SHA-256. PSS hashes its input once more, and the LiftLog app signs this way. */
private fun digest(text: ByteArray): ByteArray = MessageDigest.getInstance("SHA-256").digest(text)

private fun rsaKey(public: ByteArray): PublicKey =
    KeyFactory.getInstance("RSA").generatePublic(X509EncodedKeySpec(public))

private fun randomBytes(count: Int): ByteArray = ByteArray(count).also(SecureRandom()::nextBytes)
