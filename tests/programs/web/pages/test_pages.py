"""Pages and assets: their paths, contents and headers."""

import gzip
import json
import re
from pathlib import Path

import httpx2
import pytest
from starlette.routing import Route

from server.errors import StartError
from server.libraries.common.paths import OPENAPI, ROOT
from server.programs.web.pages.routes import page_routes

from .addresses import DOCUMENT, PAGES, assets, names

STATIC = ROOT / "server" / "programs" / "web" / "pages" / "static"
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
POLICIES = {
    "/": STRICT,
    "/docs": STRICT,
    "/redoc": STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    + "; worker-src blob:",
}


@pytest.mark.parametrize("path", PAGES)
async def test_page_has_strict_policy(web: httpx2.AsyncClient, path: str) -> None:
    response = await web.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == POLICIES[path]
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in response.headers
    assert "{{" not in response.text


async def test_everything_has_security_headers(web: httpx2.AsyncClient) -> None:
    for path in [*PAGES, DOCUMENT, *await assets(web)]:
        headers = (await web.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_document_is_open_to_all_origins(web: httpx2.AsyncClient) -> None:
    response = await web.get(DOCUMENT)
    assert response.content == OPENAPI.read_bytes()
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["cache-control"] == "no-cache"


async def test_page_has_no_inline_code_and_no_broken_links(
    web: httpx2.AsyncClient,
) -> None:
    for page in PAGES:
        found = names((await web.get(page)).text)
        assert found.inline == []
        assert len(found.addresses) > 5
        for address in found.addresses:
            if not address.startswith("#"):
                response = await web.get(f"/{address.removeprefix('./')}")
                assert response.status_code == 200, address


async def test_assets_are_cached_for_a_year(web: httpx2.AsyncClient) -> None:
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    found = await assets(web)
    assert len(found) > 8
    for path in found:
        response = await web.get(path)
        assert response.headers["content-type"].split(";")[0] == kinds[path.rpartition(".")[2]]
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["etag"].strip('"') in path


@pytest.mark.parametrize("encoding", ["identity", "gzip, br"])
async def test_known_etag_is_304(web: httpx2.AsyncClient, encoding: str) -> None:
    for path in [*PAGES, DOCUMENT, *await assets(web)]:
        headers = {"accept-encoding": encoding}
        etag = (await web.get(path, headers=headers)).headers["etag"]
        for known in (etag, f'"other", W/{etag}', "*"):
            again = await web.get(path, headers={**headers, "if-none-match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
            assert again.headers["vary"] == "accept-encoding"
        other = await web.get(path, headers={**headers, "if-none-match": '"other"'})
        assert other.status_code == 200


async def test_pages_are_not_compressed(web: httpx2.AsyncClient) -> None:
    for path in PAGES:
        response = await web.get(path, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in response.headers


async def test_assets_are_compressed_on_request(web: httpx2.AsyncClient) -> None:
    for path in [DOCUMENT, *await assets(web)]:
        plain = await web.get(path)
        assert "content-encoding" not in plain.headers
        async with web.stream("GET", path, headers={"accept-encoding": "gzip"}) as packed:
            raw = b"".join([piece async for piece in packed.aiter_raw()])
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(raw) == plain.content
        assert len(raw) < len(plain.content)
        assert packed.headers["etag"] != plain.headers["etag"]


async def test_head_is_get_without_body(web: httpx2.AsyncClient) -> None:
    for path in [*PAGES, DOCUMENT, *await assets(web)]:
        got, head = await web.get(path), await web.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers == got.headers
        assert int(head.headers["content-length"]) == len(got.content)


def test_serves_exactly_these_files() -> None:
    routes = [route for route in page_routes() if isinstance(route, Route)]
    files = {re.sub(r"-[0-9a-f]{16}(?=[.])", "", route.path) for route in routes}
    ours = "bar.css contract.js docs.js icon.svg landing.css landing.js redoc.js story.js"
    others = "redoc.standalone.js swagger-ui-bundle.js swagger-ui.css"
    licences = "redoc redoc.standalone.js swagger-ui swagger-ui-bundle.js"
    assert files == {
        *PAGES,
        DOCUMENT,
        *(f"/docs/static/{name}" for name in f"{ours} {others}".split()),
        *(f"/docs/static/{name}.LICENSE.txt" for name in licences.split()),
        "/docs/static/swagger-ui.NOTICE.txt",
    }
    assert {frozenset(route.methods or ()) for route in routes} == {frozenset({"GET", "HEAD"})}


async def test_other_paths_are_404(web: httpx2.AsyncClient) -> None:
    bundle = next(path for path in await assets(web) if "swagger-ui-bundle" in path)
    for path in (
        *("/docs/", "/docs/static", "/docs/static/", "/redoc/", "/index.html", "/openapi"),
        *("/docs/static/docs.html", "/docs/static/docs.js", "/docs/static/routes.py"),
        *("/docs/static/../routes.py", "/docs/static/%2e%2e/routes.py", "/docs/static//etc/passwd"),
        bundle.replace(".js", ".js.map"),
        re.sub("-[0-9a-f]{16}", "-0123456789abcdef", bundle),
    ):
        response = await web.get(path)
        assert (response.status_code, response.json()["code"]) == (404, 5), path


async def test_other_methods_are_405(web: httpx2.AsyncClient) -> None:
    for path in [*PAGES, DOCUMENT]:
        for verb in ("POST", "PUT", "DELETE"):
            response = await web.request(verb, path)
            assert response.status_code == 405
            assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_does_not_start_without_document(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"scripts/generate\.py"):
        page_routes(tmp_path / "openapi.json")


def test_static_files_link_to_no_other_server() -> None:
    files = list(STATIC.iterdir())
    assert len(files) > 8
    for file in files:
        named = set(re.findall(r"https?://[^\s\"'<>`]+", file.read_text()))
        assert named <= {"http://127.0.0.1:8080", "http://www.w3.org/2000/svg"}, file


async def test_landing_page_lists_each_proto_file(web: httpx2.AsyncClient) -> None:
    contract = {path.name for path in (ROOT / "proto" / "gymlocker" / "v2").iterdir()}
    named = re.findall(r"<code>(\w+\.proto)</code>", (await web.get("/")).text)
    assert sorted(named) == sorted(contract)


async def test_pages_and_document_have_their_formats(web: httpx2.AsyncClient) -> None:
    assert json.loads((await web.get(DOCUMENT)).text)["openapi"].startswith("3.1")
    for page in PAGES:
        assert (await web.get(page)).text.startswith('<!doctype html>\n<html lang="en">')
