#!/usr/bin/env python3
"""symbols.py FILE…: whether a component or program shows what it must and needs no more than every system has.

Of a component (.so, .dll) exactly six functions are visible. On Linux no symbol is newer than glibc 2.17, and only the C library's own parts are
needed; on Windows only what comes with the system. Prints each fault and a line for each file; the exit code is 1
when there is a fault.
"""

import pathlib
import re
import subprocess
import sys

VISIBLE = {
    "DestroyObject",
    "GetAttachType",
    "GetClassNames",
    "GetClassObject",
    "LicenceAddInMarker",
    "SetPlatformCapabilities",
}
NEWEST_GLIBC = (2, 17)
OF_GLIBC = re.compile(r"(libc|libm|libdl|libpthread|librt|ld-linux|ld-linux-x86-64)\.so\.\d")
OF_WINDOWS = {
    "advapi32.dll", "bcrypt.dll", "bcryptprimitives.dll", "combase.dll", "crypt32.dll", "iphlpapi.dll", "kernel32.dll",
    "msvcrt.dll", "netapi32.dll", "ntdll.dll", "ole32.dll", "oleaut32.dll", "secur32.dll", "shell32.dll", "user32.dll",
    "userenv.dll", "ws2_32.dll", "wtsapi32.dll",
}  # fmt: skip


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def linux(path):
    """What an ELF library shows; what it needs that is not the system's; the newest version of glibc."""
    visible, versions = set(), {(0, 0)}
    for line in said("readelf", "--dyn-syms", "--wide", path).splitlines():
        words = line.split()
        if len(words) < 8 or not words[0].rstrip(":").isdigit():
            continue
        section, name = words[6], words[7]
        if section == "UND":
            if found := re.search(r"@GLIBC_([0-9.]+)", name):
                versions.add(tuple(map(int, found[1].split("."))))
        elif words[4] in ("GLOBAL", "WEAK", "UNIQUE"):
            visible.add(name.split("@")[0])
    # The versions that the loader asks for, be there a symbol for them or not.
    for found in re.finditer(r"Name: GLIBC_([0-9.]+)", said("readelf", "--version-info", "--wide", path)):
        versions.add(tuple(map(int, found[1].split("."))))
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", said("readelf", "--dynamic", "--wide", path))
    newest = max(versions)
    faults = [f"needs {name}" for name in needed if not OF_GLIBC.fullmatch(name)]
    if newest > NEWEST_GLIBC:
        faults.append(f"needs glibc {'.'.join(map(str, newest))}")
    return visible, faults, f"glibc {'.'.join(map(str, newest))}"


def windows(path):
    """The same of a DLL."""
    text = said("objdump", "-p", path)
    table = text.partition("[Ordinal/Name Pointer] Table")[2]
    visible = set()
    for line in table.splitlines()[1:]:
        found = re.match(r"\s*\[\s*\d+\].*\s(\S+)$", line)
        if not found:
            break
        visible.add(found[1])
    needed = [name.lower() for name in re.findall(r"DLL Name: (\S+)", text)]
    foreign = sorted(name for name in needed if name not in OF_WINDOWS and not name.startswith("api-ms-win-"))
    return visible, [f"needs {name}" for name in foreign], f"{len(needed)} DLLs of Windows"


def main(paths):
    wrong = False
    for path in paths:
        visible, faults, needs = (windows if path.endswith((".dll", ".exe")) else linux)(path)
        if re.search(r"\.(dll|so)\b", pathlib.Path(path).name) and visible != VISIBLE:
            # A library that hides nothing shows thousands.
            faults.append(f"hides {sorted(VISIBLE - visible)}, shows too much: {sorted(visible - VISIBLE)[:10]}")
        for fault in faults:
            print(f"{path}: {fault}", file=sys.stderr)
        wrong |= bool(faults)
        print(f"{pathlib.Path(path).name}: {pathlib.Path(path).stat().st_size} bytes, {len(visible)} visible functions, needs {needs}")
    return wrong


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
