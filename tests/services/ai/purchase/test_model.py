"""Header that carries a purchase token."""

import hashlib

import pytest

from server.services.ai.purchase.model import Purchase, Store, parse_credentials, purchase_of


class TestParseCredentials:
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
    def test_returns_store_and_token(self, header: str, store: Store, token: str) -> None:
        assert parse_credentials(header) == (store, token)

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
    def test_returns_none_for_other_headers(self, header: str) -> None:
        assert parse_credentials(header) is None


class TestPurchaseOf:
    def test_holds_the_hash_of_the_token(self) -> None:
        assert purchase_of(Store.WEB, "key") == Purchase(
            Store.WEB, hashlib.sha256(b"key").hexdigest().upper()
        )
        assert purchase_of(Store.WEB, "key").key.startswith("2C70E12B7A0646F9")
