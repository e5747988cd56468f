"""What Ada and Ben do, step by step.

What "the server stores" is what it gives back over the wire: the demo has no other way in.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import grpc
from gymlocker.v2 import event_pb2, user_pb2

from server.programs.demo import keys, samples
from server.programs.demo.comparison_log import ComparisonLog
from server.programs.demo.keys import Unreadable
from server.programs.demo.person import (
    Friend,
    InboxMessage,
    Person,
    Phone,
    acceptance,
    fetch_shared,
    friend_from,
    new_event_id,
    open_shared,
    read_event,
    read_profile,
)
from server.programs.demo.screen import Row, Screen, preview
from server.programs.demo.transport import CallError


class Scenario:
    """The steps, in order. Each compares all it can and shows what is worth seeing."""

    def __init__(
        self, screen: Screen, ledger: ComparisonLog, ada_phone: Phone, ben_phone: Phone
    ) -> None:
        self._screen = screen
        self._ledger = ledger
        self._phones = (ada_phone, ben_phone)
        self._present: list[Person] = []
        self._item_id = ""

    async def tell(self) -> None:
        """Plays all steps. Raises CallError, Unreadable or StoryBroken where it cannot go on."""
        ada, ben = await self._identities()
        letter = await self._ask(ada, ben)
        friend = await self._accept(ada, ben, letter)
        workouts = await self._publish(ada, friend)
        await self._read_feed(ada, ben, friend, workouts)
        await self._share(ada, ben)
        await self._revoke(ada, ben, friend)
        await self._leave(ada, ben)

    async def clean_up(self) -> None:
        """Deletes the accounts that are still there, and only warns if that fails."""
        for person in self._present:
            try:
                await person.leave()
            except CallError as error:
                self._screen.warning(
                    f"{person.name}'s account {person.user_id} could not be deleted: {error}"
                )

    async def _identities(self) -> tuple[Person, Person]:
        self._screen.step(1, "Ada and Ben create identities, with keys made on their phones")
        ada, ben = [
            await self._join(*who) for who in zip(("Ada", "Ben"), self._phones, strict=True)
        ]
        rows = []
        for person, stranger in ((ada, ben), (ben, ada)):
            sent = await person.publish_profile(samples.picture(person.name))
            equal = await self._profile_is_stored(person, stranger, sent)
            seen = {person.name: person.name, stranger.name: "locked"}
            stored = preview(sent.encrypted_name)
            rows.append(Row("name", seen["Ada"], stored, seen["Ben"], equal))
            stored = preview(sent.encrypted_profile_picture)
            seen[person.name] = preview(samples.picture(person.name))
            rows.append(Row("picture", seen["Ada"], stored, seen["Ben"], equal))
        self._screen.side_by_side(rows)
        self._screen.step_done(self._ledger)
        return ada, ben

    async def _join(self, name: str, phone: Phone) -> Person:
        person = await Person.join(name, phone)
        self._present.append(person)
        return person

    async def _profile_is_stored(
        self, person: Person, stranger: Person, sent: user_pb2.UpdateUserRequest
    ) -> bool:
        """Compares the profile as both phones read it with what was sent."""
        expected = user_pb2.GetUserResponse(
            id=person.user_id,
            lookup=person.lookup,
            encrypted_name=sent.encrypted_name,
            encrypted_profile_picture=sent.encrypted_profile_picture,
            encryption_iv=sent.encryption_iv,
            rsa_public_key=sent.rsa_public_key,
        )
        same, whose = self._ledger.same, f"{person.name}'s profile"
        by_id, by_lookup = person.user_id, person.lookup
        locked = attempt(lambda: read_profile(expected, stranger.keys.aes)[0])
        found = await stranger.phone.users.GetUsers(user_pb2.GetUsersRequest(ids=[by_id]))
        return all(
            [
                same(f"{whose} by id", expected, await person.look_up(by_id)),
                same(f"{whose} by lookup", expected, await stranger.look_up(by_lookup)),
                same(f"{whose} among several", {by_id: expected}, dict(found.users)),
                same(f"{whose} without the key", True, isinstance(locked, Unreadable)),
            ]
        )

    async def _ask(self, ada: Person, ben: Person) -> InboxMessage:
        self._screen.step(2, "Ben asks to follow Ada, whom he finds by her lookup")
        found = await ben.look_up(ada.lookup)
        self._ledger.must("Ada's id, found by lookup", ada.user_id, found.id)
        wrote = await ben.write_to(found, {"type": "followRequest", "name": ben.name})
        self._screen.note(f"{ada.lookup} → {len(wrote.chunks)} chunks into Ada's inbox, signed")
        self._screen.step_done(self._ledger)
        return wrote

    async def _accept(self, ada: Person, ben: Person, asked: InboxMessage) -> Friend:
        self._screen.step(3, "Ada verifies who asks, lets Ben in, and he can read her profile")
        await self._receive(ada, asked)
        follow_secret = keys.new_follow_secret()
        await ada.grant(follow_secret)
        said = acceptance(ada.keys.aes, follow_secret)
        answered = await ada.write_to(await ada.look_up(asked.said["from"]), said)
        received = await self._receive(ben, answered)
        profile = await ben.look_up(ada.user_id)
        friend = friend_from(received, profile)
        name, picture = read_profile(profile, friend.aes)
        equal = [
            self._ledger.same("Ada's AES key", ada.keys.aes, friend.aes),
            self._ledger.same("Ada's name, as Ben reads it", ada.name.encode(), name),
            self._ledger.same("Ada's picture", samples.picture(ada.name), picture),
        ]
        self._screen.side_by_side(
            [
                Row("request", "Ben asks", _chunks(asked), "Ben asks", True),
                Row("answer", "key and secret", _chunks(answered), "key and secret", equal[0]),
                Row("name", ada.name, preview(profile.encrypted_name), name.decode(), equal[1]),
                Row(
                    "picture",
                    preview(samples.picture(ada.name)),
                    preview(profile.encrypted_profile_picture),
                    preview(picture),
                    equal[2],
                ),
            ]
        )
        self._screen.step_done(self._ledger)
        return friend

    async def _receive(self, reader: Person, wrote: InboxMessage) -> InboxMessage:
        """Takes the one message out of an inbox and compares it with what its sender wrote."""
        whose = f"{reader.name}'s inbox"
        messages = await reader.empty_inbox()
        self._ledger.must(f"{whose}, messages in it", 1, len(messages))
        chunks = list(messages[0].encrypted_message)
        self._ledger.must(f"{whose}, chunks", wrote.chunks, chunks)
        received = await reader.open_letter(messages[0])
        self._ledger.must(f"{whose}, decrypted", wrote.signed, received.signed)
        self._ledger.same(f"{whose}, read again", [], await reader.empty_inbox())
        return received

    async def _publish(self, ada: Person, friend: Friend) -> dict[str, bytes]:
        """Publishes three sessions and corrects the first, which thereby becomes the newest."""
        self._screen.step(4, "Ada publishes three workouts and corrects the first")
        workouts = {new_event_id(): text for text in samples.first_workouts()}
        sent = {event_id: await ada.publish(event_id, text) for event_id, text in workouts.items()}
        corrected = next(iter(workouts))
        del workouts[corrected], sent[corrected]
        workouts[corrected] = samples.corrected_workout()
        sent[corrected] = await ada.publish(corrected, workouts[corrected])
        stored = (await ada.poll(ada.user_id, friend.follow_secret)).events
        self._ledger.must("events stored, oldest first", list(sent), _ids(stored))
        for event in stored:
            self._event_is_stored(workouts[event.event_id], sent[event.event_id], event)
        times = [event.timestamp.ToNanoseconds() for event in stored]
        self._ledger.same("timestamps, each later than the last", sorted(set(times)), times)
        self._screen.note(f"{len(stored)} events, {sum(map(_size, stored)):,} bytes of ciphertext")
        self._screen.step_done(self._ledger)
        return workouts

    def _event_is_stored(
        self, text: bytes, sent: event_pb2.PutEventRequest, stored: event_pb2.UserEvent
    ) -> None:
        same, what = self._ledger.same, f"workout {samples.name_of(text)}"
        same(f"{what}, owner", sent.user_id, stored.user_id)
        same(f"{what}, payload", sent.encrypted_event_payload, stored.encrypted_event_payload)
        same(f"{what}, vector", sent.encrypted_event_iv, stored.encrypted_event_iv)
        same(f"{what}, expiry", sent.expiry, stored.expiry)

    async def _read_feed(
        self, ada: Person, ben: Person, friend: Friend, workouts: dict[str, bytes]
    ) -> None:
        self._screen.step(5, "Ben reads the feed, polls again, and one more workout appears")
        first = await ben.poll(friend.user_id, friend.follow_secret)
        own = await ada.poll(ada.user_id, friend.follow_secret)
        self._ledger.must("events that Ben gets", list(workouts), _ids(first.events))
        self._ledger.same("the feed over REST and over gRPC", own, first)
        rows = [self._event_row(event, friend, workouts) for event in first.events]
        newest = first.events[-1].timestamp
        again = await ben.poll(friend.user_id, friend.follow_secret, newest)
        self._ledger.same("second poll", event_pb2.GetEventsResponse(), again)
        late, late_id = samples.late_workout(), new_event_id()
        await ada.publish(late_id, late)
        third = await ben.poll(friend.user_id, friend.follow_secret, newest)
        self._ledger.must("third poll", [late_id], _ids(third.events))
        rows.append(self._event_row(third.events[0], friend, {late_id: late}))
        self._screen.side_by_side(rows)
        self._screen.note(f"polls: {len(rows) - 1} events, then none, then 1 more")
        self._screen.step_done(self._ledger)

    def _event_row(
        self, event: event_pb2.UserEvent, friend: Friend, workouts: dict[str, bytes]
    ) -> Row:
        expected = workouts[event.event_id]
        actual = attempt(lambda: read_event(event, friend))
        name = samples.name_of(expected)
        equal = self._ledger.same(f"workout {name}, decrypted", expected, actual)
        stored = preview(event.encrypted_event_payload)
        return Row("workout", name, stored, _shown(expected, actual), equal)

    async def _share(self, ada: Person, ben: Person) -> None:
        self._screen.step(6, "Ada shares a plan by link, which Ben opens without an account")
        plan = samples.plan()
        link, sealed = await ada.share(plan)
        self._item_id = link.item_id
        response = await fetch_shared(ben.phone, link.item_id)
        stored = response.encrypted_payload
        same = self._ledger.same
        same("shared item, payload", sealed.ciphertext, stored.encrypted_payload)
        same("shared item, vector", sealed.iv, stored.iv.value)
        spki = response.rsa_public_key.spki_public_key_bytes
        same("shared item, public key", ada.keys.public_spki, spki)
        actual = attempt(lambda: open_shared(link, response))
        equal = same("shared item, decrypted", plan, actual)
        stored_bytes = preview(stored.encrypted_payload)
        row = Row("plan", samples.name_of(plan), stored_bytes, _shown(plan, actual), equal)
        self._screen.side_by_side([row])
        self._screen.note("The key is a part of the link that no server is sent.")
        self._screen.step_done(self._ledger)

    async def _revoke(self, ada: Person, ben: Person, friend: Friend) -> None:
        self._screen.step(7, "Ada takes Ben's follow secret back")
        await ada.revoke(friend.follow_secret)
        expected = event_pb2.GetEventsResponse(invalid_follow_secrets=[friend.follow_secret])
        for person in (ada, ben):
            response = await person.poll(friend.user_id, friend.follow_secret)
            self._ledger.same(f"feed after the revocation, {person.name}", expected, response)
        self._screen.note("Ben gets no events; his secret is among the invalid ones.")
        self._screen.step_done(self._ledger)

    async def _leave(self, ada: Person, ben: Person) -> None:
        self._screen.step(8, "Both delete their accounts")
        for person in (ada, ben):
            await person.leave()
            self._present.remove(person)
        for person in (ada, ben):
            for reader in (ada, ben):
                what = f"{person.name}'s account, looked up by {reader.name}"
                await self._is_gone(what, partial(reader.look_up, person.user_id))
        await self._is_gone("the shared plan", partial(fetch_shared, ben.phone, self._item_id))
        self._screen.note("Accounts and plan are NOT_FOUND, for both phones.")
        self._screen.step_done(self._ledger)

    async def _is_gone(self, what: str, read: Callable[[], Awaitable[object]]) -> None:
        try:
            await read()
            answer = grpc.StatusCode.OK
        except CallError as error:
            answer = error.code
        self._ledger.same(what, grpc.StatusCode.NOT_FOUND, answer)


def attempt(read: Callable[[], bytes]) -> bytes | Unreadable:
    """Reads encrypted bytes; that they are unreadable is a result too, to be compared."""
    try:
        return read()
    except Unreadable as error:
        return error


def _ids(events: Iterable[event_pb2.UserEvent]) -> list[str]:
    return [event.event_id for event in events]


def _size(event: event_pb2.UserEvent) -> int:
    return len(event.encrypted_event_payload)


def _shown(expected: bytes, actual: bytes | Unreadable) -> str:
    if isinstance(actual, Unreadable):
        return "unreadable"
    return samples.name_of(expected) if actual == expected else "something else"


def _chunks(letter: InboxMessage) -> str:
    return preview(b"".join(letter.chunks))
