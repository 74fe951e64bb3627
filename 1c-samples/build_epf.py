#!/usr/bin/env python3
"""build_epf.py OUT.epf: builds the external data processor from the texts in processor/.

The same sources give the same bytes: the times inside the file are fixed. The result is unpacked again and compared
with the sources before it gets its name. Needs v8unpack 1.2.15 from PyPI; ./demo and ./test install it.
"""

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

from v8unpack import container_doc, container_reader, container_writer

SOURCES = Path(__file__).resolve().parent / "processor"
MODULE = SOURCES / "МодульОбъекта.bsl"
CONTAINER = SOURCES / "container"

# 2024-01-01 in the container's unit, a ten-thousandth of a second since 0001-01-01.
FIXED_TIME = 738_885 * 86_400 * 10_000


def platform_text(text: bytes) -> bytes:
    """A module as the platform keeps it: UTF-8 with a byte order mark and CRLF."""
    text = text.decode("utf-8-sig").replace("\r\n", "\n").replace("\n", "\r\n")
    return text.encode("utf-8-sig")


def sources() -> dict[str, bytes]:
    """The files of the container by their names in it."""
    files = {str(path.relative_to(CONTAINER)): path.read_bytes() for path in CONTAINER.rglob("*") if path.is_file()}
    objects = [name for name in files if name.endswith(".0/info")]
    if len(objects) != 1:
        sys.exit(f"error: {CONTAINER} must hold one folder UUID.0 with the file info, not {len(objects)}")
    files[objects[0].replace("/info", "/text")] = platform_text(MODULE.read_bytes())
    return files


def build(files: dict[str, bytes], work: Path) -> Path:
    """Packs the files; v8unpack works on folders only."""
    for name, data in files.items():
        path = work / "plain" / "0" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    out = work / "out.epf"
    container_doc.epoch2int = lambda _time: FIXED_TIME
    container_writer.compress_and_build(str(work / "plain"), str(work / "packed"), nested=True)
    container_writer.build(str(work / "packed"), str(out), nested=True)
    return out


def unpack(epf: Path, work: Path) -> dict[str, bytes]:
    """The files of a container, read back."""
    container_reader.extract(str(epf), str(work / "unpacked"))
    root = work / "unpacked" / "0"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: build_epf.py OUT.epf")
    out = Path(sys.argv[1]).resolve()
    files = sources()
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        work = Path(folder)
        # v8unpack prints its progress.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            epf = build(files, work)
            again = unpack(epf, work)
        if again != files:
            differing = sorted(name for name in files.keys() | again.keys() if files.get(name) != again.get(name))
            sys.exit(f"error: unpacked, these differ from the sources: {', '.join(differing)}")
        os.replace(epf, out)
    print(f"{out.name}: {out.stat().st_size} bytes, unpacks to the same {len(files)} files")


if __name__ == "__main__":
    main()
