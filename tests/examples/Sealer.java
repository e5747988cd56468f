// The encryption of the Kotlin example, for sealers.py: java -cp <its classes> Sealer.java
// A request is a line with a verb and arguments; a response is a line. Bytes are base64.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

class Sealer {
    public static void main(String[] arguments) throws Exception {
        var keys = new Keys();
        var requests = new BufferedReader(new InputStreamReader(System.in));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            var words = line.split(" ");
            var parts = Arrays.stream(words).skip(1).map(Base64.getDecoder()::decode).toList();
            var response = respond(keys, words[0], parts).stream();
            System.out.println(
                response.map(Base64.getEncoder()::encodeToString).collect(Collectors.joining(" ")));
        }
    }

    private static List<byte[]> respond(Keys keys, String verb, List<byte[]> parts) {
        switch (verb) {
            case "keys":
                return List.of(keys.getPublic(), keys.getAes());
            case "seal":
                var result = keys.seal(parts.get(0));
                return List.of(result.getBytes(), result.getIv());
            case "unseal":
                var sealed = new Sealed(parts.get(0), parts.get(1));
                return List.of(SealingKt.unseal(sealed, parts.get(2), parts.get(3)));
            case "encrypt":
                return SealingKt.encryptMessage(keys.sign(parts.get(0)), parts.get(1));
            case "decrypt":
                var decrypted = keys.decryptMessage(parts.subList(1, parts.size()));
                return List.of(SealingKt.verified(decrypted, parts.get(0)));
            default:
                throw new IllegalArgumentException(verb);
        }
    }
}
