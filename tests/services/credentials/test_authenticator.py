"""Passwords that were right are remembered, and nothing else is."""

import asyncio
from functools import partial
from uuid import UUID, uuid4

import pytest
from cachetools import TTLCache

from server.errors import NotFound, ResourceExhausted, Unauthenticated, Unavailable
from server.services.credentials import authenticator as module
from server.services.credentials.authenticator import MAX_CONCURRENT, PasswordAuthenticator
from server.services.credentials.hashing import HashedPassword, PasswordHasher
from tests.services.credentials.fakes import ADDRESS, ANN, BOB, MEMORY_SECONDS, Scene, turn


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_a_password_that_was_right_is_not_hashed_again(scene: Scene) -> None:
    assert [await scene.accepts(ANN, "anns") for _ in range(3)] == [True] * 3
    assert scene.hasher.asked == ["anns"]


async def test_a_password_that_was_wrong_is_hashed_each_time(scene: Scene) -> None:
    assert [await scene.accepts(ANN, "bobs") for _ in range(3)] == [False] * 3
    assert scene.hasher.asked == ["bobs"] * 3


async def test_right_and_wrong_do_not_disturb_each_other(scene: Scene) -> None:
    tried = ["wrong", "anns", "wrong", "anns", "wrong"]
    accepted = [await scene.accepts(ANN, password) for password in tried]
    assert accepted == [False, True, False, True, False]
    assert scene.hasher.asked == ["wrong", "anns", "wrong", "wrong"]


async def test_what_is_remembered_of_one_user_is_worth_nothing_for_another(scene: Scene) -> None:
    assert await scene.accepts(ANN, "anns")
    assert not await scene.accepts(BOB, "anns")
    scene.stored.keys[BOB] = "anns"
    assert await scene.accepts(BOB, "anns")
    assert scene.hasher.asked == ["anns"] * 3


async def test_a_changed_password_is_forgotten_at_once(scene: Scene) -> None:
    assert await scene.accepts(ANN, "anns")
    scene.stored.keys[ANN] = "new"
    assert not await scene.accepts(ANN, "anns")
    assert await scene.accepts(ANN, "new")


async def test_a_password_that_is_hashed_anew_is_checked_anew(scene: Scene) -> None:
    first, second = HashedPassword.of("password"), HashedPassword.of("password")
    hasher = PasswordHasher(threads=1, queue=1)
    stored = {ANN: first}

    class Real:
        async def get(self, user_id: UUID) -> HashedPassword | None:
            return stored.get(user_id)

        async def guessed(self, user_id: UUID, seconds: float) -> None:
            raise AssertionError("nobody guesses")

    authenticator = PasswordAuthenticator(
        Real(), hasher, scene.limit, memory_seconds=MEMORY_SECONDS, touch=scene.touched.append
    )
    await authenticator.authenticate(ANN, "password", ADDRESS)
    stored[ANN] = second
    await authenticator.authenticate(ANN, "password", ADDRESS)
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(ANN, "Password", ADDRESS)
    hasher.close()


async def test_a_deleted_user_is_forgotten_at_once(scene: Scene) -> None:
    assert await scene.accepts(ANN, "anns")
    del scene.stored.keys[ANN]
    with pytest.raises(NotFound):
        await scene.accepts(ANN, "anns")


async def test_only_who_proved_it_was_seen(scene: Scene) -> None:
    await scene.accepts(ANN, "anns")
    await scene.accepts(ANN, "anns")
    await scene.accepts(BOB, "wrong")
    with pytest.raises(NotFound):
        await scene.accepts(uuid4(), "anybodys")
    assert scene.touched == [ANN, ANN]


@pytest.mark.parametrize(("password", "answer"), [("anns", True), ("wrong", False)])
async def test_the_same_question_at_the_same_time_is_hashed_once(
    scene: Scene, password: str, answer: bool
) -> None:
    scene.hasher.gate.clear()
    calls = scene.calls(20, password)
    await turn()
    scene.hasher.gate.set()
    assert await asyncio.gather(*calls) == [answer] * 20
    assert scene.hasher.asked == [password]


async def test_different_questions_at_the_same_time_are_each_hashed(scene: Scene) -> None:
    scene.hasher.gate.clear()
    right, wrong = scene.calls(3, "anns"), scene.calls(3, "wrong")
    await turn()
    scene.hasher.gate.set()
    assert await asyncio.gather(*right, *wrong) == [True] * 3 + [False] * 3
    assert sorted(scene.hasher.asked) == ["anns", "wrong"]


async def test_one_who_hangs_up_takes_the_answer_from_nobody(scene: Scene) -> None:
    scene.hasher.gate.clear()
    first, *others = scene.calls(5, "anns")
    await turn()
    first.cancel()
    await turn()
    scene.hasher.gate.set()
    assert first.cancelled()
    assert await asyncio.gather(*others) == [True] * 4
    assert scene.hasher.asked == ["anns"]


async def test_when_all_hang_up_the_next_one_is_answered(scene: Scene) -> None:
    scene.hasher.gate.clear()
    calls = scene.calls(3, "anns")
    await turn()
    for call in calls:
        call.cancel()
    await turn()
    scene.hasher.gate.set()
    assert await scene.accepts(ANN, "anns")
    assert not await scene.accepts(ANN, "wrong")


async def test_too_much_to_do_is_told_to_all_who_wait_and_remembered_by_nobody(
    scene: Scene,
) -> None:
    scene.hasher.gate.clear()
    calls = scene.calls(3, "anns")
    await turn()
    scene.hasher.overloaded = True
    scene.hasher.gate.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    scene.hasher.overloaded = False
    assert await scene.accepts(ANN, "anns")


async def test_without_memory_every_call_is_hashed() -> None:
    scene = Scene(memory_seconds=0)
    assert [await scene.accepts(ANN, "anns") for _ in range(3)] == [True] * 3
    assert scene.hasher.asked == ["anns"] * 3


async def test_memory_ends_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module, "TTLCache", partial(TTLCache, timer=lambda: now[0]))
    scene = Scene()
    for now[0] in (0.0, MEMORY_SECONDS - 1):
        assert await scene.accepts(ANN, "anns")
    assert scene.hasher.asked == ["anns"]
    # Using it does not prolong it: the time counts from the hash.
    now[0] = MEMORY_SECONDS
    assert await scene.accepts(ANN, "anns")
    assert scene.hasher.asked == ["anns"] * 2


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 2)
    scene = Scene()
    people = [uuid4() for _ in range(3)]
    for person in people:
        scene.stored.keys[person] = "key"
        assert await scene.accepts(person, "key")
    assert await scene.accepts(people[0], "key")
    assert scene.hasher.asked == ["key"] * 4


async def test_no_password_is_kept_in_memory(scene: Scene) -> None:
    canary = "canary-2b9e71"
    scene.stored.keys[ANN] = canary
    assert await scene.accepts(ANN, canary)
    scene.stored.keys[ANN], scene.hasher.asked = "", []
    assert canary not in repr(vars(scene.authenticator))
    assert len(scene.authenticator._remembered) == 1


# --- Guessing ---


async def test_only_what_has_to_be_hashed_is_counted(scene: Scene) -> None:
    assert await scene.accepts(ANN, "anns")
    assert await scene.accepts(ANN, "anns")
    assert not await scene.accepts(ANN, "wrong")
    assert scene.limit.checked == [(str(ANN), ADDRESS)] * 2
    assert scene.limit.failures == [(str(ANN), ADDRESS)]


async def test_one_password_too_many_is_not_hashed(scene: Scene) -> None:
    assert await scene.accepts(ANN, "anns")
    scene.limit.used_up = True
    with pytest.raises(ResourceExhausted):
        await scene.accepts(ANN, "wrong")
    assert scene.hasher.asked == ["anns"]
    # Who is remembered is let in all the same: a guesser shuts nobody out.
    assert await scene.accepts(ANN, "anns")


async def test_from_another_address_what_is_remembered_passes_within_the_limit_alone(
    scene: Scene,
) -> None:
    assert await scene.accepts(ANN, "anns")
    assert await scene.accepts(ANN, "anns", "192.0.2.2")
    scene.limit.used_up = True
    with pytest.raises(ResourceExhausted):
        await scene.accepts(ANN, "anns", "192.0.2.3")
    assert await scene.accepts(ANN, "anns", "192.0.2.2")
    assert scene.hasher.asked == ["anns"]
    assert scene.limit.known == [(str(ANN), ADDRESS), (str(ANN), "192.0.2.2")]


async def test_while_somebody_guesses_what_is_remembered_passes_within_the_limit_alone(
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
    assert scene.hasher.asked == ["anns", "wrong"]


async def test_a_password_in_another_form_is_hashed_twice_and_counted_once(scene: Scene) -> None:
    typed = "e\u0301" * 8
    assert not await scene.accepts(ANN, typed)
    assert scene.hasher.asked == ["\u00e9" * 8, typed]
    assert len(scene.limit.failures) == 1
    scene.stored.keys[ANN] = typed
    assert await scene.accepts(ANN, typed)


async def test_many_different_passwords_at_once_are_refused(scene: Scene) -> None:
    scene.hasher.gate.clear()
    tasks = [asyncio.create_task(scene.accepts(ANN, f"wrong {n}")) for n in range(MAX_CONCURRENT)]
    await turn()
    with pytest.raises(ResourceExhausted):
        await scene.accepts(ANN, "one more")
    # Somebody else is not in anybody's way, nor is the same password again.
    others = [asyncio.create_task(scene.accepts(BOB, "bobs")), *scene.calls(1, "wrong 0")]
    await turn()
    scene.hasher.gate.set()
    assert await asyncio.gather(*tasks, *others) == [False] * MAX_CONCURRENT + [True, False]
    assert not await scene.accepts(ANN, "afterwards")


async def test_nobodys_password_is_hashed_like_a_wrong_one(scene: Scene) -> None:
    with pytest.raises(Unauthenticated) as nobody:
        await scene.authenticator.check("no such name", None, "anns", ADDRESS)
    with pytest.raises(Unauthenticated) as wrong:
        await scene.authenticator.authenticate(ANN, "wrong", ADDRESS)
    assert scene.hasher.asked == ["anns", "wrong"]
    assert nobody.value.message == wrong.value.message
    assert [account for account, _ in scene.limit.failures] == ["no such name", str(ANN)]
