"""Load by wrk: different requests of REST one after the other, by many clients."""

import math
import re
import subprocess
import tempfile
from collections.abc import Sequence

from benchmarks.h2load import Load, LoadError, Request

_SCRIPT = """
local requests = {{
{requests}
}}
local headers = {{["content-type"] = "application/json"}}
local position = 0
function request()
  position = position % #requests + 1
  local verb, path, body = unpack(requests[position])
  return wrk.format(verb, path, headers, body)
end
"""


def mixed(port: int, requests: Sequence[Request], clients: int, seconds: float) -> Load:
    """Sends all `requests` in turns for `seconds`, which wrk knows whole ones of.

    Raises LoadError if any one failed. The bytes of the replies are not counted.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT.format(requests=",\n".join(map(_as_lua, requests))))
        script.flush()
        options = ("-t1", f"-c{clients}", f"-d{math.ceil(seconds)}s", "-s", script.name)
        command = ["wrk", *options, f"http://127.0.0.1:{port}"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    return _read(run.stdout, run.stderr)


def _as_lua(request: Request) -> str:
    body = "nil" if request.body is None else f"[==[{request.body.decode()}]==]"
    return f'{{"{request.verb}", "{request.path}", {body}}}'


def _read(out: str, err: str) -> Load:
    done = re.search(r"(\d+) requests in ", out)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    if done is None or rate is None or "Non-2xx" in out or "Socket errors" in out:
        raise LoadError(f"wrk said {out or err}")
    number = int(done[1])
    return Load(rate=float(rate[1]), done=number, succeeded=number, reply_bytes=0)
