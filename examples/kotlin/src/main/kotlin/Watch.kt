/*
 * Watch users' events: keep a copy of them in a file, and continue after each break.
 *
 * The arguments are http://127.0.0.1:8080 copy.txt USER_ID FOLLOW_SECRET [USER_ID FOLLOW_SECRET …].
 * Each change prints one line. The copy is exactly what is on the server, however often the
 * connection or this program breaks, because each cursor is stored together with what came before
 * it, and because users without a cursor begin without events.
 */

import com.connectrpc.Code
import com.connectrpc.ConnectException
import com.connectrpc.ProtocolClientConfig
import com.connectrpc.extensions.GoogleJavaProtobufStrategy
import com.connectrpc.getOrThrow
import com.connectrpc.impl.ProtocolClient
import com.connectrpc.okhttp.ConnectOkHttpClient
import com.connectrpc.protocols.NetworkProtocol
import gymlocker.v2.Event.FollowedUser
import gymlocker.v2.Event.WatchEventsRequest
import gymlocker.v2.Event.WatchEventsResponse
import gymlocker.v2.Event.WatchEventsResponse.MessageCase
import gymlocker.v2.EventServiceClient
import java.io.File
import java.nio.file.Files
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING
import java.time.Duration
import java.util.Base64
import kotlin.random.Random
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import okhttp3.OkHttpClient
import okhttp3.Protocol

// The server sends a heartbeat every 15 seconds. Without one, the connection is dead.
private val SILENCE: Duration = Duration.ofSeconds(40)
private val MAX_DELAY = 30.seconds

// After these reasons a client calls again. Others are final, such as NOTHING_TO_WATCH.
private val CALL_AGAIN = setOf("SERVER_STOPPING", "STREAM_EXPIRED", "SLOW_READER")

// A repeated call would get these again. All others pass.
private val FINAL = setOf(
    Code.INVALID_ARGUMENT,
    Code.UNAUTHENTICATED,
    Code.PERMISSION_DENIED,
    Code.FAILED_PRECONDITION,
    Code.UNIMPLEMENTED,
)

/** A followed user. While the user changes the secret, there are two entries. */
data class Followed(val userId: String, val secret: String)

/** The encrypted events of followed users, and the cursor of each user, in a file. */
class Copy(private val file: File, var followed: List<Followed>) {
    private val cursors = mutableMapOf<String, String>()
    private val events = mutableMapOf<Pair<String, String>, String>()

    init {
        // An app would use a database or a JSON library; here, a line is a cursor or an event.
        if (file.exists()) file.forEachLine { line ->
            val words = line.split(" ")
            if (words.size == 2) cursors[words[0]] = words[1]
            else events[words[0] to words[1]] = "${words[2]} ${words[3]}"
        }
    }

    /** Return the request that continues where the cursors are. */
    fun request(): WatchEventsRequest {
        // Deletions are only sent after a cursor. Without one, an event from a stream that broke
        // may be gone, so that all events must come again.
        events.keys.removeIf { it.first !in cursors }
        val users = followed.map { (userId, secret) ->
            FollowedUser.newBuilder()
                .setUserId(userId).setFollowSecret(secret).setCursor(cursors[userId] ?: "").build()
        }
        return WatchEventsRequest.newBuilder().addAllUsers(users).build()
    }

    /** Apply a message, and print it. All messages must be applied, in their order. */
    fun apply(message: WatchEventsResponse) {
        when (message.messageCase) {
            MessageCase.EVENT -> with(message.event) {
                val payload = base64(encryptedEventPayload.toByteArray())
                events[userId to eventId] = "$payload ${base64(encryptedEventIv.toByteArray())}"
                println("event $eventId: ${encryptedEventPayload.size()} encrypted bytes")
            }
            MessageCase.DELETED -> with(message.deleted) {
                events.remove(userId to eventId)
                println("deleted $eventId")
            }
            // The database was restored, or the cursor is too old. Everything comes again.
            MessageCase.RESET -> {
                drop(message.reset.userId)
                println("reset ${message.reset.userId}")
            }
            MessageCase.CURSOR -> {
                cursors[message.cursor.userId] = message.cursor.cursor
                save()
            }
            // The user revoked it, or is gone.
            MessageCase.INVALID_FOLLOW_SECRET -> with(message.invalidFollowSecret) {
                followed = followed.filter { it != Followed(userId, followSecret) }
                if (followed.none { it.userId == userId }) {
                    drop(userId)
                    save()
                }
                println("invalid secret of $userId")
            }
            MessageCase.CAUGHT_UP -> println("caught up")
            else -> {}
        }
    }

    private fun drop(userId: String) {
        events.keys.removeIf { it.first == userId }
        cursors.remove(userId)
    }

    private fun save() {
        val lines = cursors.map { (user, cursor) -> "$user $cursor" } +
            events.map { (ids, sealed) -> "${ids.first} ${ids.second} $sealed" }
        // A move replaces the file at once, so that it is never half written.
        val new = File("$file.new")
        new.writeText(lines.joinToString("\n"))
        Files.move(new.toPath(), file.toPath(), ATOMIC_MOVE, REPLACE_EXISTING)
    }

    private fun base64(bytes: ByteArray): String = Base64.getEncoder().encodeToString(bytes)
}

/** Watch the followed users until the server ends it, and return its reason. */
suspend fun watch(server: ProtocolClient, copy: Copy): String {
    val events = EventServiceClient(server)
    var failures = 0
    while (copy.followed.isNotEmpty()) {
        var reason = "the connection was closed"
        try {
            val stream = events.watchEvents()
            stream.sendAndClose(copy.request()).getOrThrow()
            for (message in stream.responseChannel()) {
                failures = 0
                copy.apply(message)
                if (message.hasEnded()) {
                    reason = message.ended.reason
                    if (reason !in CALL_AGAIN) return reason
                }
            }
        } catch (error: ConnectException) {
            if (error.code in FINAL) throw error
            reason = "${error.code}: ${error.message}"
        }
        System.err.println("reconnecting: $reason")
        // Jitter keeps all clients of a restarted server from coming back at once.
        val longest = minOf(500.milliseconds * (1 shl minOf(failures, 10)), MAX_DELAY)
        delay(longest * Random.nextDouble(0.5, 1.0))
        failures++
    }
    return "NOTHING_TO_WATCH"
}

fun main(arguments: Array<String>) {
    val (address, path) = arguments
    val followed = arguments.drop(2).chunked(2).map { (userId, secret) -> Followed(userId, secret) }
    // As in Feed.kt. OkHttp also notices a dead connection: nothing to read for too long.
    val http = OkHttpClient.Builder()
        .protocols(listOf(Protocol.H2_PRIOR_KNOWLEDGE)).readTimeout(SILENCE).build()
    val server = ProtocolClient(
        ConnectOkHttpClient(http),
        ProtocolClientConfig(
            host = address,
            serializationStrategy = GoogleJavaProtobufStrategy(),
            networkProtocol = NetworkProtocol.GRPC,
        ),
    )
    val copy = Copy(File(path), followed)
    val problem = try {
        println("ended: ${runBlocking { watch(server, copy) }}")
        null
    } catch (error: ConnectException) {
        "the server returned ${error.code}: ${error.message}"
    }
    problem?.let(System.err::println)
    exitProcess(if (problem == null) 0 else 1)
}
