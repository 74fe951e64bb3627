#!/usr/bin/env python3
"""What check.py is for: archives with one fault each, and one without."""

import pathlib
import struct
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check
import pack

VERSION = "3.0.1.7"


def library(number, windows):
    if windows:
        return b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<H", number)
    return b"\x7fELF".ljust(18, b"\0") + struct.pack("<H", number) + b"\0\0"


class Archive(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.whole = self.folder / "whole.zip"
        libraries = []
        for (system, arch), number in {value: key for key, value in check.MACHINES.items()}.items():
            kind = "dll" if system == "Windows" else "so"
            libraries.append(self.folder / f"any.{arch}.{kind}")
            libraries[-1].write_bytes(library(number, kind == "dll"))
        self.libraries = [str(path) for path in libraries]
        pack.main(VERSION, 1_800_000_000, self.whole, self.libraries)

    def changed(self, change, **features):
        """The faults of an archive whose files `change` changed."""
        with zipfile.ZipFile(self.whole) as archive:
            files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        change(files)
        path = self.folder / "changed.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6))
                for feature, value in features.items():
                    setattr(entry, feature, value)
                archive.writestr(entry, content)
        return check.faults(path, VERSION)

    def replaced(self, name, old, new):
        def change(files):
            self.assertIn(old.encode(), files[name])
            files[name] = files[name].replace(old.encode(), new.encode(), 1)

        return self.changed(change)

    def test_what_pack_makes_has_no_fault_and_is_the_same_each_time(self):
        self.assertEqual(check.faults(self.whole, VERSION), [])
        again = self.folder / "again.zip"
        pack.main(VERSION, 1_800_000_000, again, self.libraries[::-1])
        self.assertEqual(again.read_bytes(), self.whole.read_bytes())

    def test_a_copy_without_changes_has_no_fault(self):
        self.assertEqual(self.changed(lambda files: None), [])

    def test_each_fault_is_found(self):
        so = "licenceaddin_3_0_1_7_x86_64.so"

        def move(files):
            files["bin/" + so] = files.pop(so)

        def add(name, content=b""):
            return lambda files: files.update({name: content})

        for expected, found in (
            ("a folder, or a name", self.changed(move)),
            ("not plain ASCII", self.changed(add("Компонента.so"))),
            ("two files have one name", self.changed(add("manifest.xml"))),
            ("does not name it", self.changed(add("other.so"))),
            ("MANIFEST.XML is missing", self.changed(lambda files: files.pop("MANIFEST.XML"))),
            ("INFO.XML is missing", self.changed(lambda files: files.pop("INFO.XML"))),
            ("not in the archive", self.changed(lambda files: files.pop(so))),
            ("is for None", self.changed(add(so, b"no library"))),
            ("is for ('Linux', 'i386')", self.changed(add(so, library(3, False)))),
            ("old readers lack", self.changed(lambda files: None, compress_type=zipfile.ZIP_LZMA)),
            ("old readers lack", self.changed(lambda files: None, extra=b"\1\0\0\0")),
            ("the root is", self.replaced("MANIFEST.XML", "v8.1c.ru/8.2", "v8.1c.ru/8.3")),
            ("has the type", self.replaced("MANIFEST.XML", 'type="native"', 'type="com"')),
            ("platforms", self.replaced("MANIFEST.XML", 'os="Linux"', 'os="linux"')),
            ("with ['arch', 'os', 'path']", self.replaced("MANIFEST.XML", 'type="native"', "")),
            ("does not carry the version", self.replaced("MANIFEST.XML", "_3_0_1_7_", "_")),
            ("MANIFEST.XML: ", self.replaced("MANIFEST.XML", "</bundle>", "")),
            ("version 3.0.1.6 instead", self.replaced("INFO.XML", VERSION, "3.0.1.6")),
            ("INFO.XML: info with", self.replaced("INFO.XML", "<name>LicenceAddIn</name>", "")),
        ):
            self.assertTrue(any(expected in fault for fault in found), f"{expected}: {found}")

    def test_what_is_no_archive_is_said_so(self):
        broken = self.folder / "broken.zip"
        broken.write_bytes(self.whole.read_bytes()[:-30])
        self.assertIn("cannot be read", check.faults(broken, VERSION)[0])


if __name__ == "__main__":
    unittest.main()
