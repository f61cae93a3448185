# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script with nothing but Python's own modules that fetches URLs of one host with TLS client certificates.

Arguments: HOST PORT CA CERTIFICATE KEY FOLDER CONNECTIONS. The file `wanted` in FOLDER has a line `FILE PATH` for each;
the connections are kept.
"""

from __future__ import annotations

import http.client
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def main() -> None:
    host, port, authority, certificate, key, home, connections = sys.argv[1:]
    folder = Path(home)
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(certificate, key)
    local = threading.local()

    def fetch(line: str) -> None:
        name, path = line.split()
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPSConnection(host, int(port), context=context)
        local.connection.request("GET", path)
        (folder / name).write_bytes(local.connection.getresponse().read())

    with ThreadPoolExecutor(int(connections)) as pool:
        list(pool.map(fetch, (folder / "wanted").read_text().splitlines()))


if __name__ == "__main__":
    main()
