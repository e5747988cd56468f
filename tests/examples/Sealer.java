// The sealing of the example in Kotlin, for sealers.py: java -cp <its classes> Sealer.java
// A line asks, a line answers: a verb and its arguments, which are bytes, as base64.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

class Sealer {
    public static void main(String[] arguments) throws Exception {
        var keys = new Keys();
        var questions = new BufferedReader(new InputStreamReader(System.in));
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            var words = line.split(" ");
            var parts = Arrays.stream(words).skip(1).map(Base64.getDecoder()::decode).toList();
            var answer = answer(keys, words[0], parts).stream();
            System.out.println(
                answer.map(Base64.getEncoder()::encodeToString).collect(Collectors.joining(" ")));
        }
    }

    private static List<byte[]> answer(Keys keys, String verb, List<byte[]> parts) {
        switch (verb) {
            case "keys":
                return List.of(keys.getPublic(), keys.getAes());
            case "seal":
                var made = keys.seal(parts.get(0));
                return List.of(made.getBytes(), made.getIv());
            case "unseal":
                var sealed = new Sealed(parts.get(0), parts.get(1));
                return List.of(SealingKt.unseal(sealed, parts.get(2), parts.get(3)));
            case "write":
                return SealingKt.writeLetter(keys.sign(parts.get(0)), parts.get(1));
            case "read":
                var opened = keys.openLetter(parts.subList(1, parts.size()));
                return List.of(SealingKt.verified(opened, parts.get(0)));
            default:
                throw new IllegalArgumentException(verb);
        }
    }
}
