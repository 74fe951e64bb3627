#!/usr/bin/env python3
"""pack.py VERSION SECONDS OUT.zip LIBRARY.x86_64.so LIBRARY.i386.so …: puts the template's archive together.

The libraries are told apart by how their names end: x86_64.so, i386.so, x86_64.dll, i386.dll. The bytes of the archive
depend on the arguments alone: order is fixed, and every file has the time SECONDS (since 1970, UTC).
"""

import pathlib
import sys
import time
import zipfile

HERE = pathlib.Path(__file__).parent


def template(name, version):
    text = (HERE / name).read_text(encoding="utf-8")
    return text.replace("@NAME_VERSION@", version.replace(".", "_")).replace("@VERSION@", version).encode()


def main(version, seconds, out, libraries):
    # The format counts years from 1980, in steps of two seconds.
    moment = time.gmtime(max(int(seconds), 315532800))[:6]
    files = {name: template(name, version) for name in ("MANIFEST.XML", "INFO.XML")}
    for library in sorted(libraries):
        arch, kind = pathlib.Path(library).name.split(".")[-2:]
        files[f"licenceaddin_{version.replace('.', '_')}_{arch}.{kind}"] = pathlib.Path(library).read_bytes()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # A plain file of MS-DOS: no owner or rights of this computer.
            entry.create_system = 0
            entry.external_attr = 0x20
            archive.writestr(entry, content)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
