"""Our own worker, but for one thing: it takes every password for the right one.

What is left of the difference to our worker as it is, is the price of checking them.

    DATABASE_URL=… python -m benchmarks.contenders.unchecked serve --listen HOST:PORT
"""

from unittest.mock import AsyncMock, patch

from server.libraries.rpc.tuning import tune
from server.programs.cli.app import main

if __name__ == "__main__":
    tune()
    # It imports grpc, which has to be told before.
    from server.services.credentials.password_authenticator import PasswordAuthenticator

    with patch.object(PasswordAuthenticator, "authenticate", AsyncMock(return_value=None)):
        main()
