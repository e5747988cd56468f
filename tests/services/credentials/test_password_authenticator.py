"""PasswordAuthenticator: its cache, concurrent requests and limits."""

import asyncio
from functools import partial
from uuid import UUID, uuid4

import pytest
from cachetools import TTLCache

from server.errors import NotFound, ResourceExhausted, Unauthenticated, Unavailable
from server.services.credentials import password_authenticator as module
from server.services.credentials.password_authenticator import MAX_CONCURRENT, PasswordAuthenticator
from server.services.credentials.password_hashing import HashedPassword, PasswordHasher
from tests.services.credentials.fakes import ADDRESS, ANN, BOB, MEMORY_SECONDS, Scene, run_tasks


@pytest.fixture
async def scene() -> Scene:
    return Scene()


class TestCache:
    async def test_correct_password_is_hashed_once(self, scene: Scene) -> None:
        assert [await scene.accepts(ANN, "anns") for _ in range(3)] == [True] * 3
        assert scene.hasher.requested == ["anns"]

    async def test_wrong_password_is_hashed_each_time(self, scene: Scene) -> None:
        assert [await scene.accepts(ANN, "bobs") for _ in range(3)] == [False] * 3
        assert scene.hasher.requested == ["bobs"] * 3

    async def test_correct_and_wrong_passwords_are_independent(self, scene: Scene) -> None:
        tried = ["wrong", "anns", "wrong", "anns", "wrong"]
        accepted = [await scene.accepts(ANN, password) for password in tried]
        assert accepted == [False, True, False, True, False]
        assert scene.hasher.requested == ["wrong", "anns", "wrong", "wrong"]

    async def test_entry_is_bound_to_its_user(self, scene: Scene) -> None:
        assert await scene.accepts(ANN, "anns")
        assert not await scene.accepts(BOB, "anns")
        scene.stored.keys[BOB] = "anns"
        assert await scene.accepts(BOB, "anns")
        assert scene.hasher.requested == ["anns"] * 3

    async def test_changed_password_invalidates_entry(self, scene: Scene) -> None:
        assert await scene.accepts(ANN, "anns")
        scene.stored.keys[ANN] = "new"
        assert not await scene.accepts(ANN, "anns")
        assert await scene.accepts(ANN, "new")

    async def test_new_hash_of_the_same_password_invalidates_entry(self, scene: Scene) -> None:
        first, second = HashedPassword.of("password"), HashedPassword.of("password")
        hasher = PasswordHasher(threads=1, queue=1)
        stored = {ANN: first}

        class Store:
            async def get(self, user_id: UUID) -> HashedPassword | None:
                return stored.get(user_id)

            async def guessed(self, user_id: UUID, seconds: float) -> None:
                raise AssertionError("no account is refused here")

        authenticator = PasswordAuthenticator(
            Store(), hasher, scene.limit, memory_seconds=MEMORY_SECONDS, touch=scene.touched.append
        )
        await authenticator.authenticate(ANN, "password", ADDRESS)
        stored[ANN] = second
        await authenticator.authenticate(ANN, "password", ADDRESS)
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(ANN, "Password", ADDRESS)
        hasher.close()

    async def test_deleted_user_invalidates_entry(self, scene: Scene) -> None:
        assert await scene.accepts(ANN, "anns")
        del scene.stored.keys[ANN]
        with pytest.raises(NotFound):
            await scene.accepts(ANN, "anns")

    async def test_is_off_with_a_lifetime_of_zero(self) -> None:
        scene = Scene(memory_seconds=0)
        assert [await scene.accepts(ANN, "anns") for _ in range(3)] == [True] * 3
        assert scene.hasher.requested == ["anns"] * 3

    async def test_entry_expires_regardless_of_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [0.0]
        monkeypatch.setattr(module, "TTLCache", partial(TTLCache, timer=lambda: now[0]))
        scene = Scene()
        for now[0] in (0.0, MEMORY_SECONDS - 1):
            assert await scene.accepts(ANN, "anns")
        assert scene.hasher.requested == ["anns"]
        # Use does not extend the lifetime, which starts with the hash.
        now[0] = MEMORY_SECONDS
        assert await scene.accepts(ANN, "anns")
        assert scene.hasher.requested == ["anns"] * 2

    async def test_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MAX_REMEMBERED", 2)
        scene = Scene()
        people = [uuid4() for _ in range(3)]
        for person in people:
            scene.stored.keys[person] = "key"
            assert await scene.accepts(person, "key")
        assert await scene.accepts(people[0], "key")
        assert scene.hasher.requested == ["key"] * 4

    async def test_contains_no_password(self, scene: Scene) -> None:
        canary = "canary-2b9e71"
        scene.stored.keys[ANN] = canary
        assert await scene.accepts(ANN, canary)
        scene.stored.keys[ANN], scene.hasher.requested = "", []
        assert canary not in repr(vars(scene.authenticator))
        assert len(scene.authenticator._remembered) == 1


class TestAuthenticate:
    async def test_touches_only_authenticated_users(self, scene: Scene) -> None:
        await scene.accepts(ANN, "anns")
        await scene.accepts(ANN, "anns")
        await scene.accepts(BOB, "wrong")
        with pytest.raises(NotFound):
            await scene.accepts(uuid4(), "anybodys")
        assert scene.touched == [ANN, ANN]

    async def test_hashes_both_forms_of_a_password_and_counts_one_failure(
        self, scene: Scene
    ) -> None:
        typed = "e\u0301" * 8
        assert not await scene.accepts(ANN, typed)
        assert scene.hasher.requested == ["\u00e9" * 8, typed]
        assert len(scene.limit.failures) == 1
        scene.stored.keys[ANN] = typed
        assert await scene.accepts(ANN, typed)

    async def test_unknown_account_costs_and_counts_as_a_wrong_password(self, scene: Scene) -> None:
        with pytest.raises(Unauthenticated) as unknown:
            await scene.authenticator.check("no such name", None, "anns", ADDRESS)
        with pytest.raises(Unauthenticated) as wrong:
            await scene.authenticator.authenticate(ANN, "wrong", ADDRESS)
        assert scene.hasher.requested == ["anns", "wrong"]
        assert unknown.value.message == wrong.value.message
        assert [account for account, _ in scene.limit.failures] == ["no such name", str(ANN)]


class TestConcurrency:
    @pytest.mark.parametrize(("password", "answer"), [("anns", True), ("wrong", False)])
    async def test_same_password_is_hashed_once(
        self, scene: Scene, password: str, answer: bool
    ) -> None:
        scene.hasher.gate.clear()
        calls = scene.calls(20, password)
        await run_tasks()
        scene.hasher.gate.set()
        assert await asyncio.gather(*calls) == [answer] * 20
        assert scene.hasher.requested == [password]

    async def test_different_passwords_are_each_hashed(self, scene: Scene) -> None:
        scene.hasher.gate.clear()
        right, wrong = scene.calls(3, "anns"), scene.calls(3, "wrong")
        await run_tasks()
        scene.hasher.gate.set()
        assert await asyncio.gather(*right, *wrong) == [True] * 3 + [False] * 3
        assert sorted(scene.hasher.requested) == ["anns", "wrong"]

    async def test_cancelled_caller_does_not_affect_others(self, scene: Scene) -> None:
        scene.hasher.gate.clear()
        first, *others = scene.calls(5, "anns")
        await run_tasks()
        first.cancel()
        await run_tasks()
        scene.hasher.gate.set()
        assert first.cancelled()
        assert await asyncio.gather(*others) == [True] * 4
        assert scene.hasher.requested == ["anns"]

    async def test_next_caller_is_answered_after_all_were_cancelled(self, scene: Scene) -> None:
        scene.hasher.gate.clear()
        calls = scene.calls(3, "anns")
        await run_tasks()
        for call in calls:
            call.cancel()
        await run_tasks()
        scene.hasher.gate.set()
        assert await scene.accepts(ANN, "anns")
        assert not await scene.accepts(ANN, "wrong")

    async def test_overload_is_raised_to_all_waiters_and_not_cached(
        self,
        scene: Scene,
    ) -> None:
        scene.hasher.gate.clear()
        calls = scene.calls(3, "anns")
        await run_tasks()
        scene.hasher.overloaded = True
        scene.hasher.gate.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Unavailable] * 3
        scene.hasher.overloaded = False
        assert await scene.accepts(ANN, "anns")

    async def test_rejects_too_many_different_passwords_of_one_account(self, scene: Scene) -> None:
        scene.hasher.gate.clear()
        tasks = [
            asyncio.create_task(scene.accepts(ANN, f"wrong {n}")) for n in range(MAX_CONCURRENT)
        ]
        await run_tasks()
        with pytest.raises(ResourceExhausted):
            await scene.accepts(ANN, "one more")
        # Other users are not affected, nor is a password that is already being hashed.
        others = [asyncio.create_task(scene.accepts(BOB, "bobs")), *scene.calls(1, "wrong 0")]
        await run_tasks()
        scene.hasher.gate.set()
        assert await asyncio.gather(*tasks, *others) == [False] * MAX_CONCURRENT + [True, False]
        assert not await scene.accepts(ANN, "afterwards")


class TestLimit:
    async def test_counts_only_hashed_passwords(self, scene: Scene) -> None:
        assert await scene.accepts(ANN, "anns")
        assert await scene.accepts(ANN, "anns")
        assert not await scene.accepts(ANN, "wrong")
        assert scene.limit.checked == [(str(ANN), ADDRESS)] * 2
        assert scene.limit.failures == [(str(ANN), ADDRESS)]

    async def test_rejects_before_hashing_but_accepts_cached_password(self, scene: Scene) -> None:
        assert await scene.accepts(ANN, "anns")
        scene.limit.used_up = True
        with pytest.raises(ResourceExhausted):
            await scene.accepts(ANN, "wrong")
        assert scene.hasher.requested == ["anns"]
        # A cached password is still accepted, so that a guesser does not lock users out.
        assert await scene.accepts(ANN, "anns")

    async def test_checks_cached_password_from_another_address(
        self,
        scene: Scene,
    ) -> None:
        assert await scene.accepts(ANN, "anns")
        assert await scene.accepts(ANN, "anns", "192.0.2.2")
        scene.limit.used_up = True
        with pytest.raises(ResourceExhausted):
            await scene.accepts(ANN, "anns", "192.0.2.3")
        assert await scene.accepts(ANN, "anns", "192.0.2.2")
        assert scene.hasher.requested == ["anns"]
        assert scene.limit.known == [(str(ANN), ADDRESS), (str(ANN), "192.0.2.2")]

    async def test_checks_cached_password_while_account_is_refused(
        self,
        scene: Scene,
    ) -> None:
        assert await scene.accepts(ANN, "anns")
        scene.limit.refused_for = 60
        assert not await scene.accepts(ANN, "wrong")
        assert scene.stored.refused == {ANN: 60}
        scene.limit.used_up = True
        with pytest.raises(ResourceExhausted):
            await scene.accepts(ANN, "anns")
        scene.limit.used_up = False
        assert await scene.accepts(ANN, "anns")
        assert scene.hasher.requested == ["anns", "wrong"]
