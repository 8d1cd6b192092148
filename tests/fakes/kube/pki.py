# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of a test's own, by openssl.

    ca = Authority(folder)
    server = ca.issue("kube-apiserver", ips=["192.0.2.1"], names=["kubernetes.default.svc"])
    server.cert, server.key     # paths
"""
import subprocess
import time
from pathlib import Path

DAY = 86400
CONFIG = """\
[ca]
default_ca = own
[own]
new_certs_dir = {0}
database = {0}/index.txt
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = none
[any]
commonName = supplied
organizationName = optional
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""


def openssl(*argv):
    done = subprocess.run(["openssl", *map(str, argv)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"openssl {' '.join(map(str, argv))}: {done.stderr}")


def stamp(seconds):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))


class Certificate:
    def __init__(self, cert, key):
        self.cert, self.key = cert, key


class Authority:
    def __init__(self, folder, name="kubernetes"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.issued = 0
        self.config = self.folder / "ca.cnf"
        self.config.write_text(CONFIG.format(self.folder))
        (self.folder / "index.txt").touch()
        self.cert, self.key = self.folder / "ca.crt", self.folder / "ca.key"
        openssl("req", "-x509", "-config", self.config, "-extensions", "authority", *self.new_key(self.key), "-subj",
                f"/CN={name}", "-days", 10, "-out", self.cert)

    @staticmethod
    def new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]

    def issue(self, name, ips=(), names=(), client=False, organization=None, begins=-DAY, ends=DAY):
        """begins, ends: seconds from now."""
        self.issued += 1
        stem = self.folder / f"{self.issued}-{name.replace(':', '-')}"
        request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        made = Certificate(stem.with_suffix(".crt"), stem.with_suffix(".key"))
        subject = (f"/O={organization}" if organization else "") + f"/CN={name}"
        openssl("req", "-new", "-config", self.config, *self.new_key(made.key), "-subj", subject, "-out", request)
        alt = ",".join([*(f"IP:{ip}" for ip in ips), *(f"DNS:{n}" for n in names)])
        extensions.write_text(f"basicConstraints = CA:FALSE\nextendedKeyUsage = {'client' if client else 'server'}Auth\n"
                              + (f"subjectAltName = {alt}\n" if alt else ""))
        now = time.time()
        openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.cert, "-keyfile", self.key, "-in",
                request, "-out", made.cert, "-extfile", extensions, "-startdate", stamp(now + begins), "-enddate",
                stamp(now + ends))
        return made
