"""The access log: one line per request, without personal data."""

import grpc
import httpx2
from gymlocker.v2 import user_pb2

from .processes import FrontDoor, unary

CANARY = "canary-7f3a"


def test_logs_rest_call_by_its_rpc(door: FrontDoor, client: httpx2.Client) -> None:
    request_id = client.get("/user/abc").headers["x-request-id"]
    line = door.logged(request_id)
    assert line["rpc"] == "/gymlocker.v2.UserService/GetUser"
    assert (line["status"], line["grpc_status"]) == (200, None)
    assert (line["protocol"], line["details"], line["attempts"]) == ("HTTP/1.1", "via_upstream", 1)
    assert line["bytes_sent"] > 0
    assert line["milliseconds"] >= 0


def test_logs_grpc_call_with_its_status(door: FrontDoor, channel: grpc.Channel) -> None:
    request = user_pb2.GetUserRequest(id_or_lookup="fail:NOT_FOUND").SerializeToString()
    invoke = unary(channel, "/gymlocker.v2.UserService/GetUser")
    metadata = (("x-request-id", "a-grpc-call"),)
    assert invoke.future(request, metadata=metadata, timeout=10).exception() is not None
    line = door.logged("a-grpc-call")
    assert line["rpc"] == "/gymlocker.v2.UserService/GetUser"
    assert (line["status"], line["grpc_status"], line["protocol"]) == (200, 5, "HTTP/2")


def test_logs_no_personal_data(door: FrontDoor, client: httpx2.Client) -> None:
    secret = {"authorization": f"Bearer {CANARY}", "user-agent": CANARY, "referer": CANARY}
    secret |= {"cookie": CANARY, "x-forwarded-for": "203.0.113.9"}
    grpc_web = {"content-type": "application/grpc-web"}
    client.get(f"/user/{CANARY}?access_token={CANARY}", headers=secret)
    client.put("/user", json={"id": "a", "password": CANARY}, headers=secret)
    client.put("/user", content=f'{{"id": "{CANARY}", bad', headers=secret)
    client.get(f"/{CANARY}?access_token={CANARY}", headers=secret)
    client.get(f"/{CANARY}/%00", headers=secret)
    client.post(f"/gymlocker.v2.{CANARY}/{CANARY}", headers=secret | grpc_web)
    client.post(f"/gymlocker.v2.UserService/GetUser?{CANARY}", headers=secret | grpc_web)
    last = client.get("/nowhere", headers=secret).headers["x-request-id"]
    assert door.logged(last)["rpc"] is None
    text = (door.folder / "access.log").read_text()
    assert CANARY not in text
    assert "203.0.113.9" not in text
    assert "127.0.0.1" not in text
    assert CANARY not in door.stderr.read_text()


def test_truncates_long_request_id(door: FrontDoor, client: httpx2.Client) -> None:
    client.get("/user/abc", headers={"x-request-id": "b" * 3_000})
    assert door.logged("b" * 128)["status"] == 200
