"""Rules for all three forms of Apple's tokens."""

import pytest
from structlog.testing import LogCapture

from server.errors import Unavailable
from server.services.ai.purchase.apple import AppleVerifier
from tests.services.ai.purchase import faults
from tests.services.ai.purchase.apple.chain import chain
from tests.services.ai.purchase.apple.fake import ID, RECEIPT
from tests.services.ai.purchase.server import Fault, Reply, Server


class TestAppleVerifier:
    @faults.each_fault
    @pytest.mark.parametrize("token", [ID, RECEIPT], ids=["id", "receipt"])
    async def test_faults_are_unavailable_and_logged_without_the_token(
        self,
        verifier: AppleVerifier,
        server: Server,
        token: str,
        fault: Reply | Fault,
        log: LogCapture,
    ) -> None:
        server.override = fault
        with pytest.raises(Unavailable) as caught:
            await verifier.verify(token)
        assert caught.value.reason == "STORE_UNAVAILABLE"
        levels = [entry["log_level"] for entry in log.entries]
        if fault in faults.OUR_FAULTS:
            assert levels == ["error"]
        assert len(levels) == 1
        assert "canary" not in str(log.entries) + str(caught.value)

    @pytest.mark.parametrize(
        "token", ["0123", "-1", "1.5", "²", "nonsense!", "AAB=", f"{RECEIPT}=="]
    )
    async def test_malformed_tokens_are_not_sent(
        self, verifier: AppleVerifier, server: Server, token: str
    ) -> None:
        assert not await verifier.verify(token)
        assert server.requests == []

    @pytest.mark.parametrize(
        "token", [chain().sign(), ID, RECEIPT], ids=["signed", "id", "receipt"]
    )
    async def test_refuses_forms_that_are_not_configured(self, token: str) -> None:
        assert not await AppleVerifier(None, None, None).verify(token)
