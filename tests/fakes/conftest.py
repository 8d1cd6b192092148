# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from client import Client  # noqa: E402
from kube import ADMIN_TOKEN, Authority, Server, Store, serving  # noqa: E402


@pytest.fixture(scope="session")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki") / "ca")


@pytest.fixture(scope="session")
def certificate(ca):
    return ca.issue("kube-apiserver", ips=["127.0.0.1"])


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def server(store, ca, certificate):
    with serving(Server(store, ca, certificate=certificate)) as s:
        yield s
        assert s.failures == []


@pytest.fixture
def client(server):
    """Speaks HTTP/1.1 to it, as an administrator."""
    with Client(server, ADMIN_TOKEN) as c:
        yield c
