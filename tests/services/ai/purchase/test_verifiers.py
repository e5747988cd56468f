"""Verifiers of the configured stores, and errors in their settings."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_der_x509_certificate

from server.errors import StartError, Unauthenticated, Unavailable
from server.libraries.common.logging import configure_logging
from server.libraries.settings import PurchaseSettings, load
from server.services.ai.purchase.authenticator import PurchaseAuthenticator
from server.services.ai.purchase.model import Store, Verifier, names_of
from server.services.ai.purchase.verifiers import verifiers
from tests.services.ai.purchase import test_google
from tests.services.ai.purchase.apple.chain import chain
from tests.services.ai.purchase.conftest import NOW, FakeLimit
from tests.services.ai.purchase.server import Reply, serving

SetUp = Callable[..., Mapping[Store, Verifier]]


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> SetUp:
    """Return the verifiers of an environment, with a client that sends no request."""
    for name in PurchaseSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    def set_up(http: httpx2.AsyncClient | None = None, **environment: str) -> Any:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return verifiers(
            load(PurchaseSettings), http or httpx2.AsyncClient(verify=False), now=lambda: NOW
        )

    return set_up


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / "AppleRootCA-G3.cer").write_bytes(chain().root)
    (tmp_path / "roots" / "other.pem").write_bytes(
        load_der_x509_certificate(chain("1.1").root).public_bytes(Encoding.PEM)
    )
    (tmp_path / "roots" / "README").write_text("not a certificate")
    (tmp_path / "empty").mkdir()
    (tmp_path / "apple.p8").write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    (tmp_path / "wrong.p8").write_bytes(pem_of(ec.generate_private_key(ec.SECP384R1())))
    (tmp_path / "nonsense").write_text("canary")
    (tmp_path / "google.json").write_text(
        json.dumps(
            {
                "client_email": test_google.ACCOUNT,
                "private_key": test_google.PEM,
                "token_uri": "http://127.0.0.1:9/token",
            }
        )
    )
    (tmp_path / "google-canary.json").write_text('{"private_key": "canary"}')
    return tmp_path


def everything(files: Path) -> dict[str, str]:
    return {
        "WEB_AUTH_API_KEY": "web-key",
        "GOOGLE_PACKAGE_NAME": "com.example.app",
        "GOOGLE_PRODUCT_ID": "pro",
        "GOOGLE_SERVICE_ACCOUNT_FILE": str(files / "google.json"),
        "APPLE_BUNDLE_ID": "com.example.app",
        "APPLE_ROOT_CERTIFICATES": str(files / "roots"),
        "APPLE_ISSUER_ID": "issuer",
        "APPLE_KEY_ID": "key1",
        "APPLE_PRIVATE_KEY_FILE": str(files / "apple.p8"),
        "APPLE_SHARED_SECRET": "secret-canary",
        "REVENUECAT_API_KEY": "sk_canary",
        "REVENUECAT_ENTITLEMENT_ID": "pro",
    }


URLS = [
    "GOOGLE_API_URL",
    "APPLE_API_URL",
    "APPLE_SANDBOX_API_URL",
    "APPLE_RECEIPT_URL",
    "APPLE_SANDBOX_RECEIPT_URL",
    "REVENUECAT_URL",
]


class TestConfiguration:
    async def test_refuses_all_tokens_without_settings(self, set_up: SetUp) -> None:
        stores = set_up(WEB_AUTH_API_KEY="")
        assert names_of(stores) == []
        for header in ("Web ", "Web x", "Google x", "Apple x", "RevenueCat x"):
            with pytest.raises(Unauthenticated):
                await PurchaseAuthenticator(stores, FakeLimit()).authenticate(header, "")

    async def test_accepts_all_stores(self, set_up: SetUp, files: Path) -> None:
        stores = set_up(**everything(files))
        assert names_of(stores) == ["Web", "Google", "Apple", "RevenueCat"]
        assert await stores[Store.WEB].verify("web-key")
        for token in ("web-kez", "web-key ", "WEB-KEY", "", "wéb"):
            assert not await stores[Store.WEB].verify(token)
        assert await stores[Store.APPLE].verify(chain().sign())

    @pytest.mark.parametrize(
        "names",
        [
            ["WEB_AUTH_API_KEY"],
            ["GOOGLE_PACKAGE_NAME", "GOOGLE_PRODUCT_ID", "GOOGLE_SERVICE_ACCOUNT_FILE"],
            ["APPLE_BUNDLE_ID", "APPLE_ROOT_CERTIFICATES"],
            ["APPLE_BUNDLE_ID", "APPLE_SHARED_SECRET"],
            ["REVENUECAT_API_KEY", "REVENUECAT_ENTITLEMENT_ID"],
        ],
    )
    def test_accepts_a_single_store(self, set_up: SetUp, files: Path, names: list[str]) -> None:
        settings = everything(files)
        (name,) = names_of(set_up(**{name: settings[name] for name in names}))
        assert names[0].startswith(name.upper())

    async def test_refuses_testers_without_the_sandbox(
        self, set_up: SetUp, files: Path, http: httpx2.AsyncClient
    ) -> None:
        body = {"status": 21007, "errorCode": 4040010}
        async with serving(
            lambda request: Reply(404 if request.method == "GET" else 200, body)
        ) as server:
            settings = everything(files) | dict.fromkeys(URLS, server.url)
            stores = set_up(http, **settings, APPLE_SANDBOX="false")
            for token in (chain().sign(environment="Sandbox"), "123", "AAAA"):
                assert not await stores[Store.APPLE].verify(token)
            assert [request.method for request in server.requests] == ["GET", "POST"]


class TestErrors:
    @pytest.mark.parametrize(
        "missing",
        [
            "GOOGLE_PACKAGE_NAME",
            "GOOGLE_PRODUCT_ID",
            "GOOGLE_SERVICE_ACCOUNT_FILE",
            "APPLE_BUNDLE_ID",
            "APPLE_ROOT_CERTIFICATES",
            "APPLE_ISSUER_ID",
            "APPLE_KEY_ID",
            "APPLE_PRIVATE_KEY_FILE",
            "REVENUECAT_API_KEY",
            "REVENUECAT_ENTITLEMENT_ID",
        ],
    )
    def test_names_a_missing_setting(self, set_up: SetUp, files: Path, missing: str) -> None:
        with pytest.raises(StartError) as caught:
            set_up(**(everything(files) | {missing: ""}))
        assert str(caught.value).startswith(f"{missing} is missing")

    @pytest.mark.parametrize(
        ("alone", "missing"),
        [
            ({"APPLE_BUNDLE_ID": "x"}, "APPLE_ROOT_CERTIFICATES"),
            ({"GOOGLE_SUBSCRIPTION_ID": "x"}, "GOOGLE_PACKAGE_NAME and GOOGLE_PRODUCT_ID and "),
            ({"REVENUECAT_PROJECT_ID": "x"}, "REVENUECAT_API_KEY and REVENUECAT_ENTITLEMENT_ID"),
        ],
    )
    def test_names_the_settings_that_another_requires(
        self, set_up: SetUp, alone: dict[str, str], missing: str
    ) -> None:
        with pytest.raises(StartError, match=f"^{missing}"):
            set_up(**alone)

    @pytest.mark.parametrize(
        ("name", "file"),
        [
            ("GOOGLE_SERVICE_ACCOUNT_FILE", "nowhere"),
            ("GOOGLE_SERVICE_ACCOUNT_FILE", "nonsense"),
            ("GOOGLE_SERVICE_ACCOUNT_FILE", "google-canary.json"),
            ("APPLE_PRIVATE_KEY_FILE", "nowhere"),
            ("APPLE_PRIVATE_KEY_FILE", "nonsense"),
            ("APPLE_PRIVATE_KEY_FILE", "wrong.p8"),
            ("APPLE_ROOT_CERTIFICATES", "nowhere"),
            ("APPLE_ROOT_CERTIFICATES", "empty"),
        ],
    )
    def test_names_an_invalid_file(self, set_up: SetUp, files: Path, name: str, file: str) -> None:
        with pytest.raises(StartError) as caught:
            set_up(**(everything(files) | {name: str(files / file)}))
        assert str(caught.value).startswith(f"{name}: {files / file} ")

    def test_names_an_invalid_certificate(self, set_up: SetUp, files: Path) -> None:
        (files / "roots" / "wrong.der").write_text("canary")
        with pytest.raises(StartError, match=r"wrong\.der is not a certificate"):
            set_up(**everything(files))

    @pytest.mark.parametrize("key", ["two words", "kéy", " key"])
    def test_rejects_a_key_that_no_header_can_carry(self, set_up: SetUp, key: str) -> None:
        with pytest.raises(StartError, match="WEB_AUTH_API_KEY") as caught:
            set_up(WEB_AUTH_API_KEY=key)
        assert key.strip() not in str(caught.value)

    def test_rejects_an_invalid_url(self, set_up: SetUp) -> None:
        with pytest.raises(StartError, match="REVENUECAT_URL: must start with https://"):
            set_up(REVENUECAT_URL="api.revenuecat.com")


class TestLog:
    @pytest.mark.parametrize(
        "header", ["Google canary", "Apple AAAA", "Apple 1230321", "RevenueCat canary"]
    )
    async def test_names_the_store_but_no_token_or_secret(
        self,
        set_up: SetUp,
        files: Path,
        http: httpx2.AsyncClient,
        header: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        handlers, level, configured = (
            [*logging.root.handlers],
            logging.root.level,
            structlog.get_config(),
        )
        async with serving(lambda request: Reply(500, {"canary": 1})) as server:
            (files / "google.json").write_text(
                (files / "google.json").read_text().replace("http://127.0.0.1:9", server.url)
            )
            urls = dict.fromkeys(URLS, server.url)
            stores = set_up(http, **(everything(files) | urls))
            configure_logging("debug")
            try:
                with pytest.raises(Unavailable):
                    await PurchaseAuthenticator(stores, FakeLimit()).authenticate(header, "")
            finally:
                logging.root.handlers[:] = handlers
                logging.root.setLevel(level)
                structlog.configure(**configured)
            assert server.requests
        logged = capsys.readouterr().err
        assert header.partition(" ")[0] in logged
        for secret in ("canary", "AAAA", "1230321", "sk_", "Bearer", "PRIVATE", "http://"):
            assert secret not in logged
