# SPDX-License-Identifier: Apache-2.0
"""A scripted Kubernetes API server: see ../README.md.

    ca, store = Authority(folder / "pki"), Store()
    store.put(service, endpoint_slice)
    with serving(Server(store, ca)) as server:
        ...
"""
import contextlib

from kube.encode import Failure
from kube.faults import Fault
from kube.pki import Authority
from kube.recordings import Recording
from kube.rights import Rules
from kube.server import ADMIN_TOKEN, Server
from kube.store import Store
from kube.wire import Connection

__all__ = ["ADMIN_TOKEN", "Authority", "Connection", "Failure", "Fault", "Recording", "Rules", "Server", "Store", "serving"]


@contextlib.contextmanager
def serving(*servers):
    try:
        for server in servers:
            server.start()
        yield servers[0] if len(servers) == 1 else servers
    finally:
        for server in servers:
            server.stop()
