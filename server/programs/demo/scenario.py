"""The steps of the demo, in order."""

from collections.abc import Iterable
from functools import partial

from gymlocker.v2 import event_pb2

from server.programs.demo import keys, samples
from server.programs.demo.checks import (
    attempt,
    check_event,
    check_inbox,
    check_not_found,
    check_profile,
)
from server.programs.demo.comparison_log import ComparisonLog
from server.programs.demo.keys import Unreadable
from server.programs.demo.person import (
    Friend,
    InboxMessage,
    Person,
    Phone,
    fetch_shared,
    follow_accepted,
    friend_from,
    new_event_id,
    open_shared,
    read_event,
    read_profile,
)
from server.programs.demo.screen import Row, Screen, preview
from server.programs.demo.transport import CallError


class Scenario:
    """The steps. Each compares all it can and prints an overview."""

    def __init__(
        self, screen: Screen, log: ComparisonLog, ada_phone: Phone, ben_phone: Phone
    ) -> None:
        self._screen = screen
        self._log = log
        self._phones = (ada_phone, ben_phone)
        self._accounts: list[Person] = []
        self._item_id = ""

    async def run(self) -> None:
        """Run all steps. Raise CallError, Unreadable or ScenarioFailed if one cannot continue."""
        ada, ben = await self._create_people()
        request = await self._request_follow(ada, ben)
        friend = await self._accept(ada, ben, request)
        workouts = await self._publish(ada, friend)
        await self._read_feed(ada, ben, friend, workouts)
        await self._share(ada, ben)
        await self._revoke(ada, ben, friend)
        await self._delete_accounts(ada, ben)

    async def clean_up(self) -> None:
        """Delete the remaining accounts; print a warning if that fails."""
        for person in self._accounts:
            try:
                await person.delete_account()
            except CallError as error:
                self._screen.warning(
                    f"{person.name}'s account {person.user_id} could not be deleted: {error}"
                )

    async def _create_people(self) -> tuple[Person, Person]:
        self._screen.step(1, "Ada and Ben create accounts, with keys made on their phones")
        ada_phone, ben_phone = self._phones
        ada, ben = await self._create("Ada", ada_phone), await self._create("Ben", ben_phone)
        rows = []
        for person, stranger in ((ada, ben), (ben, ada)):
            picture = samples.picture(person.name)
            sent = await person.publish_profile(picture)
            equal = await check_profile(self._log, person, stranger, sent)
            for item, own, stored in (
                ("name", person.name, sent.encrypted_name),
                ("picture", preview(picture), sent.encrypted_profile_picture),
            ):
                shown = {person.name: own, stranger.name: "locked"}
                rows.append(Row(item, shown["Ada"], preview(stored), shown["Ben"], equal))
        self._screen.table(rows)
        self._screen.step_done(self._log)
        return ada, ben

    async def _create(self, name: str, phone: Phone) -> Person:
        person = await Person.create(name, phone)
        self._accounts.append(person)
        return person

    async def _request_follow(self, ada: Person, ben: Person) -> InboxMessage:
        self._screen.step(2, "Ben finds Ada by her lookup and sends a follow request")
        profile = await ben.look_up(ada.lookup)
        self._log.require("Ada's id, found by lookup", ada.user_id, profile.id)
        sent = await ben.send_message(profile, {"type": "followRequest", "name": ben.name})
        self._screen.note(f"{ada.lookup} → {len(sent.chunks)} signed chunks in Ada's inbox")
        self._screen.step_done(self._log)
        return sent

    async def _accept(self, ada: Person, ben: Person, request: InboxMessage) -> Friend:
        self._screen.step(3, "Ada verifies the request and accepts; Ben can read her profile")
        await check_inbox(self._log, ada, request)
        follow_secret = keys.new_follow_secret()
        await ada.grant(follow_secret)
        sender = await ada.look_up(request.content["from"])
        response = await ada.send_message(sender, follow_accepted(ada.keys.aes, follow_secret))
        received = await check_inbox(self._log, ben, response)
        profile = await ben.look_up(ada.user_id)
        friend = friend_from(received, profile)
        name, picture = read_profile(profile, friend.aes)
        compare, own_picture = self._log.compare, samples.picture(ada.name)
        key_equal = compare("Ada's AES key", ada.keys.aes, friend.aes)
        name_equal = compare("Ada's name, as Ben reads it", ada.name.encode(), name)
        picture_equal = compare("Ada's picture", own_picture, picture)
        stored_name = preview(profile.encrypted_name)
        stored_picture = preview(profile.encrypted_profile_picture)
        self._screen.table(
            [
                Row("request", "from Ben", _chunks(request), "from Ben", True),
                Row("response", "key and secret", _chunks(response), "key and secret", key_equal),
                Row("name", ada.name, stored_name, name.decode(), name_equal),
                Row(
                    "picture", preview(own_picture), stored_picture, preview(picture), picture_equal
                ),
            ]
        )
        self._screen.step_done(self._log)
        return friend

    async def _publish(self, ada: Person, friend: Friend) -> dict[str, bytes]:
        """Publish three sessions and correct the first, which makes it the newest."""
        self._screen.step(4, "Ada publishes three workouts and corrects the first")
        workouts = {new_event_id(): text for text in samples.first_workouts()}
        sent = {event_id: await ada.publish(event_id, text) for event_id, text in workouts.items()}
        corrected = next(iter(workouts))
        del workouts[corrected], sent[corrected]
        workouts[corrected] = samples.corrected_workout()
        sent[corrected] = await ada.publish(corrected, workouts[corrected])
        stored = (await ada.poll(ada.user_id, friend.follow_secret)).events
        self._log.require("events stored, oldest first", list(sent), _ids(stored))
        for event in stored:
            check_event(self._log, workouts[event.event_id], sent[event.event_id], event)
        times = [event.timestamp.ToNanoseconds() for event in stored]
        self._log.compare("timestamps, each later than the previous", sorted(set(times)), times)
        self._screen.note(f"{len(stored)} events, {sum(map(_size, stored)):,} bytes of ciphertext")
        self._screen.step_done(self._log)
        return workouts

    async def _read_feed(
        self, ada: Person, ben: Person, friend: Friend, workouts: dict[str, bytes]
    ) -> None:
        self._screen.step(5, "Ben reads the feed and polls until one more workout appears")
        first = await ben.poll(friend.user_id, friend.follow_secret)
        own = await ada.poll(ada.user_id, friend.follow_secret)
        self._log.require("events that Ben receives", list(workouts), _ids(first.events))
        self._log.compare("the feed over REST and over gRPC", own, first)
        rows = [self._event_row(event, friend, workouts) for event in first.events]
        newest = first.events[-1].timestamp
        again = await ben.poll(friend.user_id, friend.follow_secret, newest)
        self._log.compare("second poll", event_pb2.GetEventsResponse(), again)
        late, late_id = samples.late_workout(), new_event_id()
        await ada.publish(late_id, late)
        third = await ben.poll(friend.user_id, friend.follow_secret, newest)
        self._log.require("third poll", [late_id], _ids(third.events))
        rows.append(self._event_row(third.events[0], friend, {late_id: late}))
        self._screen.table(rows)
        self._screen.note(f"Polls returned {len(rows) - 1} events, then none, then 1 more.")
        self._screen.step_done(self._log)

    def _event_row(
        self, event: event_pb2.UserEvent, friend: Friend, workouts: dict[str, bytes]
    ) -> Row:
        expected = workouts[event.event_id]
        actual = attempt(lambda: read_event(event, friend))
        name = samples.name_of(expected)
        equal = self._log.compare(f"workout {name}, decrypted", expected, actual)
        stored = preview(event.encrypted_event_payload)
        return Row("workout", name, stored, _shown(expected, actual), equal)

    async def _share(self, ada: Person, ben: Person) -> None:
        self._screen.step(6, "Ada shares a plan by link; Ben opens it without an account")
        plan = samples.plan()
        link, sealed = await ada.share(plan)
        self._item_id = link.item_id
        response = await fetch_shared(ben.phone, link.item_id)
        stored = response.encrypted_payload
        compare = self._log.compare
        compare("shared item, payload", sealed.ciphertext, stored.encrypted_payload)
        compare("shared item, vector", sealed.iv, stored.iv.value)
        spki = response.rsa_public_key.spki_public_key_bytes
        compare("shared item, public key", ada.keys.public_spki, spki)
        actual = attempt(lambda: open_shared(link, response))
        equal = compare("shared item, decrypted", plan, actual)
        stored_bytes = preview(stored.encrypted_payload)
        row = Row("plan", samples.name_of(plan), stored_bytes, _shown(plan, actual), equal)
        self._screen.table([row])
        self._screen.note("The key is in the part of the link that is never sent to a server.")
        self._screen.step_done(self._log)

    async def _revoke(self, ada: Person, ben: Person, friend: Friend) -> None:
        self._screen.step(7, "Ada revokes Ben's follow secret")
        await ada.revoke(friend.follow_secret)
        expected = event_pb2.GetEventsResponse(invalid_follow_secrets=[friend.follow_secret])
        for person in (ada, ben):
            response = await person.poll(friend.user_id, friend.follow_secret)
            self._log.compare(f"feed after the revocation, {person.name}", expected, response)
        self._screen.note("Ben receives no events; the response lists his secret as invalid.")
        self._screen.step_done(self._log)

    async def _delete_accounts(self, ada: Person, ben: Person) -> None:
        self._screen.step(8, "Ada and Ben delete their accounts")
        for person in (ada, ben):
            await person.delete_account()
            self._accounts.remove(person)
        for person in (ada, ben):
            for reader in (ada, ben):
                subject = f"{person.name}'s account, looked up by {reader.name}"
                read = partial(reader.look_up, person.user_id)
                await check_not_found(self._log, subject, read)
        fetch_plan = partial(fetch_shared, ben.phone, self._item_id)
        await check_not_found(self._log, "the shared plan", fetch_plan)
        self._screen.note("Accounts and plan are NOT_FOUND for both phones.")
        self._screen.step_done(self._log)


def _ids(events: Iterable[event_pb2.UserEvent]) -> list[str]:
    return [event.event_id for event in events]


def _size(event: event_pb2.UserEvent) -> int:
    return len(event.encrypted_event_payload)


def _shown(expected: bytes, actual: bytes | Unreadable) -> str:
    if isinstance(actual, Unreadable):
        return "unreadable"
    return samples.name_of(expected) if actual == expected else "something else"


def _chunks(message: InboxMessage) -> str:
    return preview(b"".join(message.chunks))
