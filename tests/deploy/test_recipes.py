"""deploy/render.yaml and deploy/fly.toml: they must match the image."""

from server.libraries.common.paths import ROOT
from tests.deploy import files

PORT = files.image_command().option("--port")


class TestRender:
    def test_uses_the_port_of_the_image(self) -> None:
        [service] = files.render()["services"]
        variables = {variable["key"]: variable for variable in service["envVars"]}
        assert variables["PORT"]["value"] == PORT
        assert service["healthCheckPath"] == "/health"
        # The image's default command is used.
        assert "dockerCommand" not in service
        assert (ROOT / service["dockerfilePath"]).samefile(ROOT / "Dockerfile")

    def test_creates_database_and_key(self) -> None:
        [service], [database] = files.render()["services"], files.render()["databases"]
        variables = {variable["key"]: variable for variable in service["envVars"]}
        assert variables["DATABASE_URL"]["fromDatabase"] == {
            "name": database["name"],
            "property": "connectionString",
        }
        assert variables["JWT_SECRET_KEY"]["generateValue"] is True
        assert database["ipAllowList"] == []

    def test_stores_no_backups_on_a_disk_that_is_lost(self) -> None:
        [service] = files.render()["services"]
        assert "disk" not in service
        variables = {variable["key"]: variable for variable in service["envVars"]}
        assert variables["BACKUP_ENABLED"]["value"] == "false"


class TestFly:
    def test_stores_no_backups_on_a_disk_that_is_lost(self) -> None:
        assert "mounts" not in files.fly()
        assert files.fly()["env"]["BACKUP_ENABLED"] == "false"

    def test_uses_the_port_of_the_image(self) -> None:
        service = files.fly()["http_service"]
        assert str(service["internal_port"]) == PORT
        assert service["http_options"]["h2_backend"] is True
        assert [check["path"] for check in service["checks"]] == ["/health"]
        assert "processes" not in files.fly()
