"""A Gymlocker worker that accepts every password.

The difference to a normal worker is the cost of password checks.

    DATABASE_URL=… python -m benchmarks.contenders.no_password_check serve --listen HOST:PORT
"""

from unittest.mock import AsyncMock, patch

from server.libraries.rpc.tuning import tune
from server.programs.cli.app import main

if __name__ == "__main__":
    tune()
    # After tuning: this imports grpc.
    from server.services.credentials.password_authenticator import PasswordAuthenticator

    with patch.object(PasswordAuthenticator, "authenticate", AsyncMock(return_value=None)):
        main()
