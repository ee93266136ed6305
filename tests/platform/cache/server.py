"""A Valkey of the tests' own."""

import subprocess

from tests.e2e.running import free_port


class Server:
    """A Valkey, or the Redis that understands the same."""

    def __init__(self, program: str) -> None:
        self.port = free_port()
        self.url = f"valkey://127.0.0.1:{self.port}/1"
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, cwd="/")
        assert self._process.stdout is not None
        assert any(b"eady to accept connections" in line for line in self._process.stdout)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
