# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's server: a page that says what it is, and of the Argo Server's REST what the suites use.

Every request for Workflows goes to the API server with the caller's own token (auth mode client).
"""

from __future__ import annotations

import argparse
import http.client
import http.server
import json
import os
import re
import signal
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from . import ARGO_VERSION, VERSION
from .kube import ApiError, Kube, own_namespace, workflows

Json = dict[str, Any]

GRPC = {401: 16, 403: 7, 404: 5, 409: 6, 422: 3}
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
        path = unquote(url.path)
        if not path.startswith("/api/"):
            self.answer(200, PAGE.encode(), "text/html; charset=utf-8")
            return
        token = self.token()
        if not token:
            self.answer_json(401, {"code": 16, "message": NO_TOKEN})
            return
        try:
            query = {key: values[-1] for key, values in parse_qs(url.query).items()}
            self.answer_json(200, self.resource(path, query, token))
        except ApiError as error:
            message = "Unauthorized" if error.status == 401 else str(error)
            status = error.status if error.status in GRPC else 500
            self.answer_json(status, {"code": GRPC.get(error.status, 13), "message": message})
        except (OSError, http.client.HTTPException) as error:
            self.answer_json(500, {"code": 13, "message": str(error)})

    def resource(self, path: str, query: dict[str, str], token: str) -> Json:
        if path == "/api/v1/info":
            modals = {"feedback": False, "firstTimeUser": False, "newVersion": False}
            return {"managedNamespace": self.managed_namespace, "modals": modals}
        if path == "/api/v1/version":
            return {"version": VERSION, "gitTreeState": "stand-in", "gitTag": ARGO_VERSION, "platform": "stand-in"}
        if path == "/api/v1/userinfo":
            return self.userinfo(token)
        if match := re.fullmatch(r"/api/v1/workflows/([^/]+)(?:/([^/]+))?", path):
            namespace, name = match[1], match[2] or ""
            options = {k.removeprefix("listOptions."): v for k, v in query.items() if k.startswith("listOptions.")}
            found = Kube(token).get(workflows(namespace, name), **options)
            return {key: found[key] for key in ("metadata", "items", "spec", "status") if key in found}
        raise ApiError(404, f"stand-in: GET {path} is not supported")

    def userinfo(self, token: str) -> Json:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        review = Kube(token).create("/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
        name = review["status"]["userInfo"]["username"]
        info = {"issuer": "https://kubernetes.default.svc", "subject": name}
        if match := re.fullmatch("system:serviceaccount:([^:]+):([^:]+)", name):
            info |= {"serviceAccountName": match[2], "serviceAccountNamespace": match[1]}
        return info

    def token(self) -> str:
        """The bearer of the header or, as the browser sends it, of the cookie `authorization`."""
        cookie = re.search(r'(?:^|;\s*)authorization="?([^";]+)', self.headers.get("Cookie", ""))
        value = self.headers.get("Authorization") or (unquote(cookie[1]) if cookie else "")
        return value.removeprefix("Bearer ").strip() if value.startswith("Bearer ") else ""

    def answer_json(self, status: int, value: Json) -> None:
        self.answer(status, json.dumps(value, separators=(",", ":")).encode(), "application/json")

    def answer(self, status: int, body: bytes, content: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(body)))
        if content == "application/json" and status == 200:
            self.send_header("Grpc-Metadata-Argo-Version", VERSION)
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return f"stand-in/{VERSION}"


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Stand-in {VERSION} for Argo's server, a test double.")
    parser.add_argument("command", choices=["server"])
    parser.add_argument("--auth-mode", action="append", choices=["client"], help="the stand-in knows client")
    parser.add_argument("--managed-namespace", default="")
    parser.add_argument("--namespaced", action="store_true", required=True, help="the stand-in knows one namespace")
    parser.add_argument("-p", "--port", type=int, default=2746)
    parser.add_argument("-e", "--secure", nargs="?", const="true", default="true", choices=["true", "false"])
    ignored = ["access-control-allow-origin", "allowed-link-protocol", "api-rate-limit", "base-href", "configmap"]
    ignored += ["event-operation-queue-size", "event-worker-count", "gloglevel", "hsts", "kube-api-burst"]
    ignored += ["kube-api-qps", "log-format", "loglevel", "x-frame-options"]
    for flag in ignored:
        parser.add_argument(f"--{flag}", help="taken, and ignored")
    return parser.parse_args()


class Server(http.server.ThreadingHTTPServer):
    """The TLS handshake is each connection's own business, so that a slow or plain one holds nobody up."""

    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls:
            request.settimeout(60)
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except OSError:
                return
        super().finish_request(request, client_address)


def main() -> None:
    chosen = flags()
    Handler.managed_namespace = chosen.managed_namespace or own_namespace()
    server = Server(("", chosen.port), Handler)
    if chosen.secure == "true":
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(CERTIFICATE)
    signal.signal(signal.SIGTERM, lambda *_args: os._exit(0))
    scheme = "https" if server.tls else "http"
    print(f"stand-in: version {VERSION}, a test double of the Argo Server, on {scheme}://*:{chosen.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
