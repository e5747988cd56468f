/*
 * An app in Kotlin: publish a workout that only a follower can read, then log one.
 *
 * Ada publishes, Bob follows. Each step prints one line. An unexpected result is printed and ends
 * the program with exit code 1. The calls are gRPC; connect-kotlin generated the service clients.
 */

import com.connectrpc.ConnectException
import com.connectrpc.ProtocolClientConfig
import com.connectrpc.extensions.GoogleJavaProtobufStrategy
import com.connectrpc.getOrThrow
import com.connectrpc.impl.ProtocolClient
import com.connectrpc.okhttp.ConnectOkHttpClient
import com.connectrpc.protocols.NetworkProtocol
import com.google.protobuf.ByteString
import com.google.protobuf.ByteString.copyFrom
import com.google.protobuf.Timestamp
import gymlocker.v2.Auth.LoginRequest
import gymlocker.v2.Auth.RegisterRequest
import gymlocker.v2.AuthServiceClient
import gymlocker.v2.Event.FollowedUser
import gymlocker.v2.Event.GetEventsRequest
import gymlocker.v2.Event.PutEventRequest
import gymlocker.v2.EventServiceClient
import gymlocker.v2.Follow.PutFollowSecretRequest
import gymlocker.v2.FollowServiceClient
import gymlocker.v2.Inbox.GetInboxMessagesRequest
import gymlocker.v2.Inbox.PutInboxMessageRequest
import gymlocker.v2.InboxServiceClient
import gymlocker.v2.Training.SetWeight
import gymlocker.v2.Training.WorkoutExercise
import gymlocker.v2.Training.WorkoutSet
import gymlocker.v2.User.CreateUserRequest
import gymlocker.v2.User.DeleteUserRequest
import gymlocker.v2.User.GetUserRequest
import gymlocker.v2.User.GetUserResponse
import gymlocker.v2.User.UpdateUserRequest
import gymlocker.v2.UserServiceClient
import gymlocker.v2.WorkoutOuterClass.CreateWorkoutRequest
import gymlocker.v2.WorkoutOuterClass.DeleteWorkoutRequest
import gymlocker.v2.WorkoutOuterClass.ListWorkoutsRequest
import gymlocker.v2.WorkoutServiceClient
import java.security.GeneralSecurityException
import java.time.Duration
import java.time.Instant
import java.util.Base64
import java.util.UUID
import kotlin.system.exitProcess
import kotlinx.coroutines.runBlocking
import okhttp3.OkHttpClient
import okhttp3.Protocol

const val NAME = "Ada Lovelace"
const val WORKOUT = """{"workout": "squats", "sets": 5, "reps": 5, "mood": "😀"}"""

/** A user of the feed. The password and the keys stay on the phone. */
class Person(val id: String, val password: String, val keys: Keys)

/** Use the encrypted feed: Ada publishes a workout, and Bob reads it. */
suspend fun shareWithAFollower(server: ProtocolClient) {
    val users = UserServiceClient(server)
    val events = EventServiceClient(server)
    val inbox = InboxServiceClient(server)

    val ada = join(users, NAME)
    val bob = join(users, "Bob")
    println("Ada and Bob published their public keys and their encrypted names")

    // Ada lets Bob follow. She sends her secret and key in a message that only he can read.
    val secret = UUID.randomUUID().toString()
    FollowServiceClient(server).putFollowSecret(
        PutFollowSecretRequest.newBuilder()
            .setUserId(ada.id).setPassword(ada.password).setFollowSecret(secret).build(),
    ).getOrThrow()
    // An app would use a JSON library; this example separates the values by line breaks.
    val message = listOf(ada.id, Base64.getEncoder().encodeToString(ada.keys.aes), secret)
    val bobProfile = getProfile(users, bob.id)
    val signed = ada.keys.sign(message.joinToString("\n").encodeToByteArray())
    val chunks = encryptMessage(signed, bobProfile.rsaPublicKey.toByteArray())
    inbox.putInboxMessage(
        PutInboxMessageRequest.newBuilder()
            .setToUserId(bob.id).addAllEncryptedMessage(chunks.map(ByteString::copyFrom)).build(),
    ).getOrThrow()
    println("Ada sent Bob her follow secret and her key, encrypted for him")

    // Bob decrypts it. He must not trust its content before he has verified the signature.
    val messages = inbox.getInboxMessages(
        GetInboxMessagesRequest.newBuilder().setUserId(bob.id).setPassword(bob.password).build(),
    ).getOrThrow().inboxMessagesList
    val decrypted = bob.keys.decryptMessage(
        only(messages, "Bob's inbox").encryptedMessageList.map(ByteString::toByteArray),
    )
    val sender = unverified(decrypted).decodeToString().lines().first()
    val adaProfile = getProfile(users, sender)
    val public = adaProfile.rsaPublicKey.toByteArray()
    val (_, key, followSecret) = verified(decrypted, public).decodeToString().lines()
    val aes = Base64.getDecoder().decode(key)
    val sealedName =
        Sealed(adaProfile.encryptedName.toByteArray(), adaProfile.encryptionIv.toByteArray())
    val name = unseal(sealedName, aes, public).decodeToString()
    expect(name == NAME) { "the name was returned as $name" }
    println("Bob decrypted it and read Ada's name: $name")

    val sealed = ada.keys.seal(WORKOUT.encodeToByteArray())
    val expiry = Instant.now() + Duration.ofDays(30)
    events.putEvent(
        PutEventRequest.newBuilder()
            .setUserId(ada.id).setPassword(ada.password)
            .setEventId(UUID.randomUUID().toString())
            .setEncryptedEventPayload(copyFrom(sealed.bytes))
            .setEncryptedEventIv(copyFrom(sealed.iv))
            .setExpiry(Timestamp.newBuilder().setSeconds(expiry.epochSecond)).build(),
    ).getOrThrow()
    println("Ada published a workout: ${sealed.bytes.size} encrypted bytes")

    val followed = FollowedUser.newBuilder().setUserId(sender).setFollowSecret(followSecret)
    val poll = GetEventsRequest.newBuilder().addUsers(followed).build()
    val event = only(events.getEvents(poll).getOrThrow().eventsList, "Bob's feed")
    val payload = event.encryptedEventPayload.toByteArray()
    val found = Sealed(payload, event.encryptedEventIv.toByteArray())
    expect(found.bytes.contentEquals(sealed.bytes)) { "the server changed the encrypted bytes" }
    val text = unseal(found, aes, public).decodeToString()
    expect(text == WORKOUT) { "the workout was returned as $text" }
    println("Bob read it, byte for byte: $text")

    for (person in listOf(ada, bob)) {
        users.deleteUser(
            DeleteUserRequest.newBuilder().setId(person.id).setPassword(person.password).build(),
        ).getOrThrow()
    }
    println("Ada and Bob deleted their users")
}

/** Create a user, then publish the public key and the encrypted name. */
suspend fun join(users: UserServiceClient, name: String): Person {
    val user = users.createUser(CreateUserRequest.getDefaultInstance()).getOrThrow()
    val keys = Keys()
    val sealed = keys.seal(name.encodeToByteArray())
    users.updateUser(
        UpdateUserRequest.newBuilder()
            .setId(user.id).setPassword(user.password)
            .setEncryptedName(copyFrom(sealed.bytes)).setEncryptionIv(copyFrom(sealed.iv))
            .setRsaPublicKey(copyFrom(keys.public)).build(),
    ).getOrThrow()
    return Person(user.id, user.password, keys)
}

/** Return the public profile of a user. */
suspend fun getProfile(users: UserServiceClient, id: String): GetUserResponse =
    users.getUser(GetUserRequest.newBuilder().setIdOrLookup(id).build()).getOrThrow()

/** Create an account with a username, and a workout in its log, which the server can read. */
suspend fun logAWorkout(server: ProtocolClient) {
    val accounts = AuthServiceClient(server)
    val log = WorkoutServiceClient(server)
    val username = "ada ${UUID.randomUUID()}"
    val password = UUID.randomUUID().toString()
    val account = accounts.register(
        RegisterRequest.newBuilder().setUsername(username).setPassword(password).build(),
    ).getOrThrow()
    val tokens = accounts.login(
        LoginRequest.newBuilder().setUsername(username).setPassword(password).build(),
    ).getOrThrow()
    val bearer = mapOf("authorization" to listOf("Bearer ${tokens.accessToken}"))
    println("registered and logged in")

    val weight = SetWeight.newBuilder().setValue(102.5).setUnit("kg").build()
    val sets = listOf(5, 4).map { WorkoutSet.newBuilder().setReps(it).setWeight(weight).build() }
    val squats = WorkoutExercise.newBuilder().setName("Squat").addAllSets(sets).build()
    val workout = CreateWorkoutRequest.newBuilder()
        .setDate("2026-02-07").setType("Lifting").setDuration(55).addExercises(squats).build()
    val added = log.createWorkout(workout, bearer).getOrThrow()
    // With exercises, which a list leaves out otherwise.
    val all = ListWorkoutsRequest.newBuilder().setView("full").build()
    val listed = only(log.listWorkouts(all, bearer).getOrThrow().workoutsList, "the log")
    expect(listed == added && listed.exercisesList == listOf(squats)) {
        "the workout was returned as $listed"
    }
    val about = "${listed.date} ${listed.type}, ${listed.duration} minutes, ${listed.setCount} sets"
    println("the log contains one workout: $about of Squat")

    val removal = DeleteWorkoutRequest.newBuilder().setId(added.id).build()
    log.deleteWorkout(removal, bearer).getOrThrow()
    val left = log.listWorkouts(all, bearer).getOrThrow().workoutsList
    expect(left.isEmpty()) { "the workout is still in the log" }
    // An account is also a user. Its token replaces the password.
    val deletion = DeleteUserRequest.newBuilder().setId(account.id).build()
    UserServiceClient(server).deleteUser(deletion, bearer).getOrThrow()
    println("deleted the workout and the account")
}

/** A result that differs from what was sent. */
class Mismatch(message: String) : Exception(message)

fun expect(condition: Boolean, message: () -> String) {
    if (!condition) throw Mismatch(message())
}

fun <T> only(items: List<T>, place: String): T {
    expect(items.size == 1) { "$place contains ${items.size} items instead of one" }
    return items.single()
}

fun main(arguments: Array<String>) {
    // gRPC requires HTTP/2. Without TLS, OkHttp must be configured to use it. With https://, TLS
    // negotiates it: remove the call of protocols().
    val http = OkHttpClient.Builder().protocols(listOf(Protocol.H2_PRIOR_KNOWLEDGE)).build()
    val server = ProtocolClient(
        ConnectOkHttpClient(http),
        ProtocolClientConfig(
            host = arguments.firstOrNull() ?: "http://127.0.0.1:8080",
            serializationStrategy = GoogleJavaProtobufStrategy(),
            networkProtocol = NetworkProtocol.GRPC,
        ),
    )
    val problem = try {
        runBlocking {
            shareWithAFollower(server)
            logAWorkout(server)
        }
        null
    } catch (error: ConnectException) {
        "the server returned ${error.code}: ${error.message}"
    } catch (error: Mismatch) {
        "unexpected result: ${error.message}"
    } catch (error: GeneralSecurityException) {
        "unexpected result: ${error.message}"
    }
    problem?.let(System.err::println)
    // Exit explicitly: OkHttp keeps idle connections open, and with them the program running.
    exitProcess(if (problem == null) 0 else 1)
}
