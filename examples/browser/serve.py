"""Serve the examples to a browser on this machine: python examples/browser/serve.py [PORT]

Any static file server does. The two headers let WebAssembly use several threads; without them it uses one.
"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1]


class Isolated(SimpleHTTPRequestHandler):
    """Files, with the headers of a page that shares its memory with nobody."""

    def end_headers(self) -> None:
        """Add the headers to every answer."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    print(f"http://localhost:{port}/browser/", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), partial(Isolated, directory=str(EXAMPLES))).serve_forever()
