"""The examples of Swagger UI, sent from top to bottom as they are."""

import pytest
from playwright.async_api import BrowserContext, Locator, expect

from tests.services.workout.formats.reading import CASES
from tests.support.stack import Stack

from .conftest import Watch

pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="session")]

BACKUP = CASES / "app-september-2026.liftlogbackup.gz"
BEGINNING = ["UserService", "AuthService", "WorkoutService", "ExerciseService"]
# A purchase is needed, and the story has none.
PLANNER = {("POST", f"/v2/ai/{name}"): 401 for name in ("workout", "session", "chat")}
PLANNER |= {("GET", "/v2/ai/quota"): 401}
# Ending the session of the story would end the story: the example names another one.
SESSION = {("DELETE", "/v2/auth/sessions/{id}"): 404}
# Swagger UI shows a reply when it has ended, which streams of changes do not.
WATCHES = {("POST", "/v2/events/watch"), ("POST", "/v2/inbox/watch")}
# The host of the example does not exist, and so there is no endpoint.
PUSH = {
    ("POST", "/v2/push/endpoints"): 400,
    ("POST", "/v2/push/endpoints/{id}/confirm"): 404,
    ("DELETE", "/v2/push/endpoints/{id}"): 404,
}
# What a repetition cannot do again.
REPEATED = {
    ("POST", "/v2/auth/register"): 409,
    ("DELETE", "/v2/auth/keys/{id}"): 404,
    ("DELETE", "/v2/backups/{id}"): 404,
    ("DELETE", "/v2/workouts/{id}"): 404,
    # The first call ended the session.
    ("POST", "/v2/auth/change-password"): 401,
    ("POST", "/v2/user/delete"): 404,
}


async def opened(block: Locator) -> tuple[str, str]:
    """Open an operation, and return its verb and path."""
    verb = await block.locator(".opblock-summary-method").inner_text()
    path = await block.locator("[data-path]").get_attribute("data-path")
    await block.locator(".opblock-summary-control").click()
    await block.get_by_role("button", name="Execute").wait_for()
    assert path
    return verb, path


async def sent(block: Locator) -> int:
    """Send the example of an open operation, and return the status of the reply."""
    clear = block.get_by_role("button", name="Clear")
    if await clear.is_visible():
        await clear.click()
    file = block.locator("input[type=file]")
    if await file.count():
        await file.first.set_input_files(BACKUP)
    await block.get_by_role("button", name="Execute").click()
    status = block.locator(".live-responses-table tbody .response-col_status").first
    await expect(status).not_to_be_empty()
    text = await status.inner_text()
    assert text[:3].isdecimal(), await block.inner_text()
    return int(text[:3])


# Each of the operations is opened and sent twice.
@pytest.mark.timeout(900)
async def test_every_example_can_be_sent_twice_in_order_of_page(
    context: BrowserContext, watch: Watch, stack: Stack, operations: list[tuple[str, str]]
) -> None:
    page = await context.new_page()
    await page.goto(f"{stack.url}/docs")
    blocks = page.locator(".opblock")
    await expect(blocks).to_have_count(len(operations))
    tags = await page.locator(".opblock-tag").evaluate_all("all => all.map(tag => tag.dataset.tag)")
    assert tags[: len(BEGINNING)] == BEGINNING
    statuses: dict[tuple[str, str], tuple[int, int]] = {}
    for number in range(len(operations)):
        name = await opened(blocks.nth(number))
        if name not in WATCHES:
            statuses[name] = (await sent(blocks.nth(number)), await sent(blocks.nth(number)))
        await blocks.nth(number).locator(".opblock-summary-control").click()
    assert sorted(statuses.keys() | WATCHES) == sorted(operations)
    first = {name: status for name, (status, _) in statuses.items() if status != 200}
    assert first == PLANNER | SESSION | PUSH
    second = {name: status for name, (_, status) in statuses.items() if status != 200}
    assert second == PLANNER | SESSION | PUSH | REPEATED
    # The story ended with the account, so that it can begin again.
    register = blocks.filter(has=page.locator('[data-path="/v2/auth/register"]'))
    await opened(register)
    assert await sent(register) == 200
    assert watch.elsewhere(stack.url) == []
