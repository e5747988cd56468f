"""deploy/render.yaml and deploy/fly.toml: what they say fits the image."""

from server.libraries.common.paths import ROOT
from tests.deploy import files

PORT = files.image_command().option("--port")


def test_render_asks_where_the_image_listens() -> None:
    [service] = files.render()["services"]
    told = {variable["key"]: variable for variable in service["envVars"]}
    assert told["PORT"]["value"] == PORT
    assert service["healthCheckPath"] == "/health"
    # What the image does by itself is what is wanted.
    assert "dockerCommand" not in service
    assert (ROOT / service["dockerfilePath"]).samefile(ROOT / "Dockerfile")


def test_render_brings_the_database_and_makes_the_key() -> None:
    [service], [database] = files.render()["services"], files.render()["databases"]
    told = {variable["key"]: variable for variable in service["envVars"]}
    assert told["DATABASE_URL"]["fromDatabase"] == {
        "name": database["name"],
        "property": "connectionString",
    }
    assert told["JWT_SECRET_KEY"]["generateValue"] is True
    assert database["ipAllowList"] == []


def test_fly_asks_where_the_image_listens() -> None:
    service = files.fly()["http_service"]
    assert str(service["internal_port"]) == PORT
    assert service["http_options"]["h2_backend"] is True
    assert [check["path"] for check in service["checks"]] == ["/health"]
    assert "processes" not in files.fly()
