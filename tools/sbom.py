#!/usr/bin/env python3
"""tools/sbom.py CRATE TARGET VERSION OUT: what a program is made of, as CycloneDX 1.5 in JSON.

Crates come from cargo's own resolution of this one crate for this target, so that what another program switches on is not in it;
checksums from Cargo.lock. The file depends on the commit alone: its time is SOURCE_DATE_EPOCH, its number made of what it says.
"""

import datetime
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid

crate, target, version, out = sys.argv[1:]

tree = subprocess.run(
    ["cargo", "tree", "--locked", "--package", crate, "--target", target, "--edges", "normal", "--prefix", "none",
     "--no-dedupe", "--format", "{p}\t{l}"],
    check=True, capture_output=True, text=True,
).stdout
with open("Cargo.lock", "rb") as file:
    locked = {(package["name"], package["version"]): package for package in tomllib.load(file)["package"]}

components = {}
for line in tree.splitlines():
    package, licences = line.split("\t")
    name, number = re.match(r"(\S+) v(\S+)", package).groups()
    if name == crate:
        own_licences = licences
        continue
    entry = {
        "type": "library",
        "bom-ref": f"pkg:cargo/{name}@{number}",
        "name": name,
        "version": number,
        "licenses": [{"expression": licences.replace("/", " OR ")}],
        "purl": f"pkg:cargo/{name}@{number}",
    }
    if checksum := locked[name, number].get("checksum"):
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if not licences:
        del entry["licenses"]
    components[name, number] = entry
if not components:
    sys.exit(f"{crate} is made of nothing?")

time = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
bom = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "component": {
            "type": "library" if crate == "licenceaddin" else "application",
            "bom-ref": f"{crate}@{version}",
            "name": crate,
            "version": version,
            "licenses": [{"expression": own_licences}],
            "properties": [{"name": "target", "value": target}],
        },
    },
    "components": [components[key] for key in sorted(components)],
}
number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bom, sort_keys=True))
bom = {"bomFormat": bom.pop("bomFormat"), "specVersion": bom.pop("specVersion"), "serialNumber": f"urn:uuid:{number}", **bom}
with open(out, "w") as file:
    json.dump(bom, file, indent=1)
    file.write("\n")
