"""The log of warnings that others can cause at any rate."""

import structlog
from structlog.testing import capture_logs

from server.libraries.common.rate_limited_log import INTERVAL_SECONDS, RateLimitedLog


def test_writes_each_event_once_in_interval() -> None:
    now = 100.0
    with capture_logs() as logs:
        log = RateLimitedLog(structlog.get_logger("test"), clock=lambda: now)
        for _ in range(5):
            log.warning("frequent", size=1)
        log.warning("other")
        now += INTERVAL_SECONDS
        log.warning("frequent", size=2)
    assert [(entry["event"], entry.get("size"), entry.get("left_out")) for entry in logs] == [
        ("frequent", 1, None),
        ("other", None, None),
        ("frequent", 2, 4),
    ]
