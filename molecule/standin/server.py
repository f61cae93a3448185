# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's server: a page that says what it is, and of the Argo Server's REST what the suites use.

Every request for Workflows goes to the API server with the caller's own token (auth mode client).
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import re
import signal
import ssl
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from . import ARGO_VERSION, VERSION, Json
from .kube import FAILURES, ApiError, Kube, own_namespace, workflows

GRPC = {401: 16, 403: 7, 404: 5}
"""Status codes of Kubernetes as Argo's gateway names them; the others are 13."""
NO_TOKEN = "token not valid. see https://argo-workflows.readthedocs.io/en/latest/faq/"
PAGE = f"""<!doctype html><title>Stand-in for Argo Workflows</title><h1>This is not Argo Workflows</h1>
<p>It is a stand-in ({VERSION}), a test double of the collection argo.workflows for machines that reach no registry with
Argo's images. It has no user interface; <code>/api/v1/workflows/NAMESPACE</code> answers as Argo does.</p>
"""
CERTIFICATE = Path("/etc/standin/tls.pem")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    managed_namespace = ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if not url.path.startswith("/api/"):
            self.answer(200, PAGE.encode(), "text/html; charset=utf-8")
            return
        try:
            status, value = 200, self.resource(unquote(url.path), dict(parse_qsl(url.query)))
        except FAILURES as error:
            status = getattr(error, "status", 500)
            value = {"code": GRPC.get(status, 13), "message": str(error)}
        self.answer(status, json.dumps(value).encode(), "application/json")

    def resource(self, path: str, query: dict[str, str]) -> Json:
        token = self.token()
        if not token:
            raise ApiError(401, NO_TOKEN)
        if path == "/api/v1/info":
            return {"managedNamespace": self.managed_namespace}
        if path == "/api/v1/version":
            return {"version": VERSION, "gitTag": ARGO_VERSION}
        if path == "/api/v1/userinfo":
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
            review = Kube(token).create("/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
            return {"subject": review["status"]["userInfo"]["username"]}
        if match := re.fullmatch(r"/api/v1/workflows/([^/]+)(?:/([^/]+))?", path):
            options = {k.removeprefix("listOptions."): v for k, v in query.items() if k.startswith("listOptions.")}
            found = Kube(token).get(workflows(match[1], match[2] or ""), **options)
            return {key: found[key] for key in ("metadata", "items", "spec", "status") if key in found}
        raise ApiError(404, f"stand-in: GET {path} is not supported")

    def token(self) -> str:
        """The bearer of the header or, as the browser sends it, of the cookie `authorization`."""
        cookie = re.search(r'(?:^|;\s*)authorization="?([^";]+)', self.headers.get("Cookie", ""))
        value = self.headers.get("Authorization") or (unquote(cookie[1]) if cookie else "")
        return value.removeprefix("Bearer ").strip() if value.startswith("Bearer ") else ""

    def answer(self, status: int, body: bytes, content: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def parse_flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Stand-in {VERSION} for Argo's server, a test double.")
    parser.add_argument("command", choices=["server"])
    parser.add_argument("--auth-mode", choices=["client"], help="the stand-in knows client")
    parser.add_argument("--managed-namespace", default="")
    parser.add_argument("--namespaced", action="store_true", required=True, help="the stand-in knows one namespace")
    parser.add_argument("--secure", default="true", choices=["true", "false"])
    parser.add_argument("--loglevel", help="taken, and ignored")
    return parser.parse_args()


def main() -> None:
    flags = parse_flags()
    Handler.managed_namespace = flags.managed_namespace or own_namespace()
    Handler.timeout = 60
    server = http.server.ThreadingHTTPServer(("", 2746), Handler)
    if flags.secure == "true":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        # The handshake is each connection's own business, so that a slow one holds nobody up.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    signal.signal(signal.SIGTERM, lambda *_args: os._exit(0))
    print(f"stand-in: version {VERSION}, a test double of the Argo Server, secure={flags.secure}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
