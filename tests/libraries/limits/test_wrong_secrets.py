"""Rate limit of wrong follow secrets from one address."""

from uuid import uuid4

import asyncpg

from server.libraries.limits.bucket_repository import bucket_key
from tests.libraries.limits.conftest import SECRETS, World
from tests.libraries.limits.refusals import refused_for
from tests.support.client import event_of, follow


class TestWrongSecrets:
    async def test_hides_wrong_secrets_beyond_the_rate_but_accepts_right_ones(
        self, world: World
    ) -> None:
        author = world.client()
        ann, bob = [await author.created_user() for _ in range(2)]
        secret, silent = await author.new_secret(ann), await author.new_secret(bob)
        await author.events.PutEvent(event_of(ann))
        network = world.network()
        guesser, neighbour = network.client(), network.client(host=2)

        def guess() -> str:
            return str(uuid4())

        for number in (SECRETS - 1, 2):
            guesses = [guess() for _ in range(number)]
            response = await guesser.feed(*(follow(ann.id, one) for one in guesses))
            assert list(response.invalid_follow_secrets) == guesses
        with refused_for("TOO_MANY_SECRETS"):
            await guesser.feed(follow(ann.id, guess()))
        for _ in range(3):
            right = follow(ann.id, secret)
            assert len((await guesser.feed(right)).events) == 1
            mixed = await guesser.feed(right, follow(ann.id, guess()), follow(bob.id, silent))
            assert (len(mixed.events), list(mixed.invalid_follow_secrets)) == (1, [])
            assert not (await guesser.feed(follow(bob.id, silent))).invalid_follow_secrets
        wrong = guess()
        assert (await neighbour.feed(follow(ann.id, wrong))).invalid_follow_secrets == [wrong]

    async def test_does_not_count_right_secrets(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        network = world.network()
        client = network.client()
        user = await client.created_user()
        secret = await client.new_secret(user)
        for _ in range(SECRETS + 1):
            await client.feed(follow(user.id, secret))
        key = bucket_key("wrong follow secrets", f"{network.prefix}.1")
        assert not await connection.fetchval(
            "SELECT count(*) FROM password_failures WHERE key = $1", key
        )
