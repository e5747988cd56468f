// An app in Swift: publish a workout that only a follower can read, then log one.
//
// Ada publishes, Bob follows. Each step prints one line. An unexpected result is printed and ends
// the program with exit code 1.

import Crypto
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import SwiftProtobuf

typealias Server = GRPCClient<HTTP2ClientTransport.Posix>
typealias Users = Gymlocker_V2_UserService.Client<HTTP2ClientTransport.Posix>

private let ownName = "Ada Lovelace"
private let workout = #"{"workout": "squats", "sets": 5, "reps": 5, "mood": "😀"}"#
private let month: TimeInterval = 30 * 24 * 60 * 60

/// A user of the feed. The password and the keys stay on the phone.
struct Person {
  let id: String
  let password: String
  let keys: Keys
}

/// The content of Ada's message to Bob.
struct Invitation: Codable {
  let from: String
  let aesKey: Data
  let followSecret: String
}

/// A result that differs from what was sent.
struct Mismatch: Error {
  let message: String
}

@main
struct App {
  static func main() async {
    let arguments = CommandLine.arguments.dropFirst()
    let port = arguments.first.flatMap(Int.init) ?? 8080
    do {
      // With TLS: `.dns(host: "your.server", port: 443)` and `.tls`.
      try await withGRPCClient(
        transport: .http2NIOPosix(
          target: .ipv4(address: "127.0.0.1", port: port),
          transportSecurity: .plaintext
        )
      ) { server in
        try await shareWithAFollower(server)
        try await logAWorkout(server)
      }
    } catch let error as RPCError {
      fail("the server returned \(error.code): \(error.message)")
    } catch let error as Mismatch {
      fail("unexpected result: \(error.message)")
    } catch {
      fail("unexpected result: \(error)")
    }
  }
}

/// Use the encrypted feed: Ada publishes a workout, and Bob reads it.
func shareWithAFollower(_ server: Server) async throws {
  let users = Users(wrapping: server)
  let events = Gymlocker_V2_EventService.Client(wrapping: server)
  let inbox = Gymlocker_V2_InboxService.Client(wrapping: server)
  let follows = Gymlocker_V2_FollowService.Client(wrapping: server)

  let ada = try await join(users, name: ownName)
  let bob = try await join(users, name: "Bob")
  print("Ada and Bob published their public keys and their encrypted names")

  // Ada lets Bob follow. She sends her secret and key in a message that only he can read.
  let secret = UUID().uuidString.lowercased()
  _ = try await follows.putFollowSecret(
    .with {
      $0.userID = ada.id
      $0.password = ada.password
      $0.followSecret = secret
    }
  )
  let key = ada.keys.aes.withUnsafeBytes { Data($0) }
  let invitation = Invitation(from: ada.id, aesKey: key, followSecret: secret)
  let bobProfile = try await users.getUser(.with { $0.idOrLookup = bob.id })
  let signed = try ada.keys.sign(JSONEncoder().encode(invitation))
  let chunks = try encryptMessage(signed, to: bobProfile.rsaPublicKey)
  _ = try await inbox.putInboxMessage(
    .with {
      $0.toUserID = bob.id
      $0.encryptedMessage = chunks
    }
  )
  print("Ada sent Bob her follow secret and her key, encrypted for him")

  // Bob decrypts it. He must not trust its content before he has verified the signature.
  let messages = try await inbox.getInboxMessages(
    .with {
      $0.userID = bob.id
      $0.password = bob.password
    }
  ).inboxMessages
  let decrypted = try bob.keys.decryptMessage(only(messages, in: "Bob's inbox").encryptedMessage)
  let sender = try JSONDecoder().decode(Invitation.self, from: unverified(decrypted)).from
  let adaProfile = try await users.getUser(.with { $0.idOrLookup = sender })
  let publicKey = adaProfile.rsaPublicKey
  let genuine = try verified(decrypted, from: publicKey)
  let content = try JSONDecoder().decode(Invitation.self, from: genuine)
  let aes = SymmetricKey(data: content.aesKey)
  let sealedName = Sealed(bytes: adaProfile.encryptedName, iv: adaProfile.encryptionIv)
  let name = try unseal(sealedName, with: aes, from: publicKey)
  try expect(name == Data(ownName.utf8), "the name was returned as \(text(name))")
  print("Bob decrypted it and read Ada's name: \(text(name))")

  let sealed = try ada.keys.seal(Data(workout.utf8))
  _ = try await events.putEvent(
    .with {
      $0.userID = ada.id
      $0.password = ada.password
      $0.eventID = UUID().uuidString.lowercased()
      $0.encryptedEventPayload = sealed.bytes
      $0.encryptedEventIv = sealed.iv
      $0.expiry = Google_Protobuf_Timestamp(date: Date(timeIntervalSinceNow: month))
    }
  )
  print("Ada published a workout: \(sealed.bytes.count) encrypted bytes")

  let followed = Gymlocker_V2_FollowedUser.with {
    $0.userID = sender
    $0.followSecret = content.followSecret
  }
  let feed = try await events.getEvents(.with { $0.users = [followed] })
  let event = try only(feed.events, in: "Bob's feed")
  let found = Sealed(bytes: event.encryptedEventPayload, iv: event.encryptedEventIv)
  try expect(found.bytes == sealed.bytes, "the server changed the encrypted bytes")
  let read = try unseal(found, with: aes, from: publicKey)
  try expect(read == Data(workout.utf8), "the workout was returned as \(text(read))")
  print("Bob read it, byte for byte: \(text(read))")

  for person in [ada, bob] {
    _ = try await users.deleteUser(
      .with {
        $0.id = person.id
        $0.password = person.password
      }
    )
  }
  print("Ada and Bob deleted their users")
}

/// Create a user, then publish the public key and the encrypted name.
func join(_ users: Users, name: String) async throws -> Person {
  let user = try await users.createUser(Gymlocker_V2_CreateUserRequest())
  let keys = try Keys()
  let sealed = try keys.seal(Data(name.utf8))
  _ = try await users.updateUser(
    .with {
      $0.id = user.id
      $0.password = user.password
      $0.encryptedName = sealed.bytes
      $0.encryptionIv = sealed.iv
      $0.rsaPublicKey = keys.publicKey
    }
  )
  return Person(id: user.id, password: user.password, keys: keys)
}

/// Create an account with a username, and a workout in its log, which the server can read.
func logAWorkout(_ server: Server) async throws {
  let accounts = Gymlocker_V2_AuthService.Client(wrapping: server)
  let log = Gymlocker_V2_WorkoutService.Client(wrapping: server)
  let username = "ada \(UUID().uuidString)"
  let password = UUID().uuidString
  let account = try await accounts.register(
    .with {
      $0.username = username
      $0.password = password
    }
  )
  let tokens = try await accounts.login(
    .with {
      $0.username = username
      $0.password = password
    }
  )
  let bearer: Metadata = ["authorization": "Bearer \(tokens.accessToken)"]
  print("registered and logged in")

  let squats = Gymlocker_V2_WorkoutExercise.with {
    $0.name = "Squat"
    $0.sets = ([5, 4] as [Int32]).map { reps in
      .with {
        $0.reps = reps
        $0.weight = .with {
          $0.value = 102.5
          $0.unit = "kg"
        }
      }
    }
  }
  let workout = Gymlocker_V2_CreateWorkoutRequest.with {
    $0.date = "2026-02-07"
    $0.type = "Lifting"
    $0.duration = 55
    $0.exercises = [squats]
  }
  let added = try await log.createWorkout(workout, metadata: bearer)
  // With exercises, which a list leaves out otherwise.
  let all = Gymlocker_V2_ListWorkoutsRequest.with { $0.view = "full" }
  let listed = try only(
    try await log.listWorkouts(all, metadata: bearer).workouts, in: "the log")
  try expect(
    listed == added && listed.exercises == [squats], "the workout was returned as \(listed)")
  let about = "\(listed.date) \(listed.type), \(listed.duration) minutes"
  print("the log contains one workout: \(about), \(listed.setCount) sets of Squat")

  _ = try await log.deleteWorkout(.with { $0.id = added.id }, metadata: bearer)
  let left = try await log.listWorkouts(all, metadata: bearer).workouts
  try expect(left.isEmpty, "the workout is still in the log")
  // An account is also a user. Its token replaces the password.
  _ = try await Users(wrapping: server).deleteUser(.with { $0.id = account.id }, metadata: bearer)
  print("deleted the workout and the account")
}

func expect(_ condition: Bool, _ message: String) throws {
  guard condition else { throw Mismatch(message: message) }
}

func only<Item>(_ items: [Item], in place: String) throws -> Item {
  try expect(items.count == 1, "\(place) contains \(items.count) items instead of one")
  return items[0]
}

func text(_ data: Data) -> String {
  String(decoding: data, as: UTF8.self)
}

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("\(message)\n".utf8))
  exit(1)
}
