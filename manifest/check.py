#!/usr/bin/env python3
"""check.py ARCHIVE.zip VERSION: whether 1C can take the component out of a template's archive.

Prints each fault; the exit code is 1 when there is one.
"""

import re
import struct
import sys
import xml.etree.ElementTree as xml
import zipfile

NAMESPACE = "{http://v8.1c.ru/8.2/addin/bundle}"
PLATFORMS = {(system, arch) for system in ("Windows", "Linux") for arch in ("x86_64", "i386")}
# What the platform compares its process with, by the machine's number in the file.
MACHINES = {0x8664: ("Windows", "x86_64"), 0x14C: ("Windows", "i386"), 62: ("Linux", "x86_64"), 3: ("Linux", "i386")}
ENCRYPTED, DATA_DESCRIPTOR, UTF8_NAME = 0x1, 0x8, 0x800


def machine(library):
    """The system and processor that a library is for; none if it is no library."""
    if library[:4] == b"\x7fELF" and len(library) > 20:
        return MACHINES.get(struct.unpack_from("<H", library, 18)[0])
    if library[:2] == b"MZ" and len(library) > 64:
        at = struct.unpack_from("<I", library, 60)[0]
        if library[at : at + 4] == b"PE\0\0":
            return MACHINES.get(struct.unpack_from("<H", library, at + 4)[0])
    return None


def archive_faults(entries):
    """What is wrong with the archive's form."""
    names = [entry.filename for entry in entries]
    if len({name.upper() for name in names}) != len(names):
        yield "two files have one name"
    if len({entry.date_time for entry in entries}) > 1:
        yield "the files have different times, so that two builds differ"
    for entry in entries:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", entry.filename):
            yield f"{entry.filename}: a folder, or a name that is not plain ASCII"
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            yield f"{entry.filename}: packed by a method that old readers lack"
        if entry.flag_bits & (ENCRYPTED | DATA_DESCRIPTOR | UTF8_NAME) or entry.extra:
            yield f"{entry.filename}: has a feature of ZIP that old readers lack"


def manifest_faults(text, files, version):
    """What is wrong with MANIFEST.XML, and with what it names."""
    root = xml.fromstring(text)
    if root.tag != NAMESPACE + "bundle":
        yield f"MANIFEST.XML: the root is {root.tag}"
    seen, named = [], []
    for entry in root:
        if entry.tag != NAMESPACE + "component" or set(entry.attrib) != {"os", "path", "type", "arch"}:
            yield f"MANIFEST.XML: {entry.tag} with {sorted(entry.attrib)}"
            continue
        path, platform = entry.get("path"), (entry.get("os"), entry.get("arch"))
        seen.append(platform)
        named.append(path)
        if entry.get("type") != "native":
            yield f"MANIFEST.XML: {path} has the type {entry.get('type')}"
        if path not in files:
            yield f"MANIFEST.XML: {path} is not in the archive"
        elif machine(files[path]) != platform:
            yield f"{path}: is for {machine(files[path])}, MANIFEST.XML says {platform}"
        if f"_{version.replace('.', '_')}_" not in path:
            yield f"{path}: the name does not carry the version {version}, so 1C would keep an old file"
    if sorted(seen) != sorted(PLATFORMS):
        yield f"MANIFEST.XML: platforms {sorted(seen)} instead of {sorted(PLATFORMS)}"
    for name in files.keys() - set(named) - {"MANIFEST.XML", "INFO.XML"}:
        yield f"{name}: MANIFEST.XML does not name it"


def info_faults(text, version):
    """What is wrong with INFO.XML."""
    root = xml.fromstring(text)
    fields = {field.tag: (field.text or "").strip() for field in root}
    if root.tag != "info" or set(fields) != {"progid", "name", "version"} or not all(fields.values()):
        yield f"INFO.XML: {root.tag} with {fields}"
    elif fields["version"] != version:
        yield f"INFO.XML: version {fields['version']} instead of {version}"


def faults(path, version):
    """What is wrong with an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            files = {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        return [f"cannot be read: {error}"]
    found = list(archive_faults(entries))
    for name, look in (
        ("MANIFEST.XML", lambda text: manifest_faults(text, files, version)),
        ("INFO.XML", lambda text: info_faults(text, version)),
    ):
        if name not in files:
            found.append(f"{name} is missing")
            continue
        try:
            files[name].decode("utf-8")
            found += look(files[name])
        except (xml.ParseError, UnicodeDecodeError) as error:
            found.append(f"{name}: {error}")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    wrong = faults(sys.argv[1], sys.argv[2])
    for fault in wrong:
        print(f"{sys.argv[1]}: {fault}", file=sys.stderr)
    sys.exit(bool(wrong))
