"""The demo's supervisor with real database, broker and simulator, but a stand-in for the portal.

Run as a program: `python -m stack.tests.fake_demo [--reset] [--port N]`. The portal's own start is
tested with the portal; here it would only take time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from stack import demo

WEB = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""
# seed_demo fails when a file says so; demo_signins prints a line; all else succeeds silently.
MANAGE = """
import os, pathlib, sys
if sys.argv[1] == "demo_signins": print("ada / a-password")
if sys.argv[1] == "seed_demo":
    print("seeding", os.environ["HEADROOM_SUBSCRIPTIONS"])
    if pathlib.Path(os.environ["HEADROOM_DEMO_FOLDER"], "fail").exists(): sys.exit("no such world")
"""
SLEEP = "import time; time.sleep(300)"


def commands(port: int, _folder: Path) -> dict[str, list[str]]:
    return {
        "web": [sys.executable, "-c", WEB, str(port)],
        "worker": [sys.executable, "-c", SLEEP],
        "beat": [sys.executable, "-c", SLEEP],
    }


if __name__ == "__main__":
    demo.MANAGE = [sys.executable, "-c", MANAGE]
    demo.portal_commands = commands
    demo.STATIC_ROOT = demo.demo_folder()
    demo.WORLD = Path("/nonexistent")
    sys.exit(demo.main())
