"""The header that carries a purchase token."""

import hashlib

import pytest

from server.services.ai.purchase.model import Purchase, Store, credentials_in, purchase_of


@pytest.mark.parametrize(
    ("header", "store", "token"),
    [
        ("Web key", Store.WEB, "key"),
        ("Google a.b-c_d", Store.GOOGLE, "a.b-c_d"),
        ("Apple MII+/=", Store.APPLE, "MII+/="),
        ("RevenueCat $RCAnonymousID:1f", Store.REVENUE_CAT, "$RCAnonymousID:1f"),
        ("Bearer Web key", Store.WEB, "key"),
        ("bearer web key", Store.WEB, "key"),
        ("BEARER REVENUECAT key", Store.REVENUE_CAT, "key"),
        ("  Bearer \t Web   key ", Store.WEB, "key"),
        ("Web Bearer", Store.WEB, "Bearer"),
        ("Web Web", Store.WEB, "Web"),
        ("Web Key", Store.WEB, "Key"),
    ],
)
def test_a_header_names_a_store_and_a_token(header: str, store: Store, token: str) -> None:
    assert credentials_in(header) == (store, token)


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "key",
        "Web",
        "Web ",
        "Bearer",
        "Bearer Web",
        "Bearer key",
        "Bearer eyJ.eyJ.x",
        "Basic Web key",
        "Bearer Bearer Web key",
        "Bearer Amazon key",
        "Webkey",
        "Web:key",
        "Web key key",
        "Web key, Web key",
        "Web key\nWeb key",
        "Web key\n",
        "Web k\u00e9y",
        "Web k\u212ay",
        "Web\u00a0key",
        "Bearer Revenue Cat key",
        "Web k\x00y",
    ],
)
def test_anything_else_is_none(header: str) -> None:
    assert credentials_in(header) is None


def test_of_a_token_its_hash_is_kept() -> None:
    assert purchase_of(Store.WEB, "key") == Purchase(
        Store.WEB, hashlib.sha256(b"key").hexdigest().upper()
    )
    assert purchase_of(Store.WEB, "key").key.startswith("2C70E12B7A0646F9")
