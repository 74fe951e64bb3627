#!/usr/bin/env python3
"""packaging/tests/read_by_others.py: what other programs read of packaging/, read as they do it, and held against each other.

Needs PyYAML, and duk, the interpreter that polkit has its rules read by.
"""

import json
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

import yaml

here = Path(__file__).resolve().parent.parent


class Strict(yaml.SafeLoader):
    """Of two keys of one name the first would be lost in silence."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key is there twice: {keys} {node.start_mark}"
        return super().construct_mapping(node, deep)


def documents(name):
    return list(yaml.load_all((here / name).read_text(), Strict))


def container():
    dockerfile = (here / "container/Dockerfile").read_text()
    user = re.search(r"^USER (\S+)$", dockerfile, re.M)[1]
    volumes = set(json.loads(re.search(r"^VOLUME (.*)$", dockerfile, re.M)[1]))
    health = json.loads(re.search(r"^HEALTHCHECK .* CMD (.*)$", dockerfile, re.M)[1])
    port = int(re.search(r"^EXPOSE (\d+)$", dockerfile, re.M)[1])

    (compose,) = documents("container/compose.yaml")
    service = compose["services"]["licenceserver"]
    mounts = dict(reversed(mount.split(":")) for mount in service["volumes"])
    assert set(mounts) == volumes, mounts
    assert set(mounts.values()) == set(compose["volumes"]), compose["volumes"]
    assert service["user"] == user and service["read_only"] is True and service["tmpfs"] == ["/tmp"], service
    assert service["healthcheck"]["test"] == ["CMD", *health], service["healthcheck"]
    assert service["ports"] == [f"{port}:{port}"] and service["cap_drop"] == ["ALL"], service
    build = service["build"]
    assert (here / "container" / build["context"] / build["dockerfile"]).samefile(here / "container/Dockerfile"), build
    assert set(service["environment"]) == {"LICENCE_MACHINE_ID"}, service

    front, stateful = documents("container/kubernetes.yaml")
    assert (front["kind"], stateful["kind"]) == ("Service", "StatefulSet")
    spec = stateful["spec"]
    pod = spec["template"]
    assert spec["replicas"] == 1 and spec["serviceName"] == front["metadata"]["name"], spec
    labels = pod["metadata"]["labels"]
    assert front["spec"]["selector"] == spec["selector"]["matchLabels"] == labels, labels
    (server,) = pod["spec"]["containers"]
    assert server["ports"] == [{"name": "http", "containerPort": port}], server["ports"]
    assert front["spec"]["ports"] == [{"name": "http", "port": port, "targetPort": "http"}], front
    number = int(user.split(":")[0])
    rights = pod["spec"]["securityContext"]
    assert rights["runAsNonRoot"] is True and {rights[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {number}, rights
    assert server["securityContext"]["readOnlyRootFilesystem"] is True, server
    mounts = {mount["mountPath"]: mount["name"] for mount in server["volumeMounts"]}
    assert set(mounts) == volumes | {"/tmp"}, mounts
    named = [claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]] + [of["name"] for of in pod["spec"]["volumes"]]
    assert sorted(mounts.values()) == sorted(named), named
    for probe, path in {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}.items():
        assert server[probe]["httpGet"] == {"path": path, "port": "http"}, server[probe]
    (variable,) = server["env"]
    assert variable["name"] == "LICENCE_MACHINE_ID" and variable["valueFrom"]["secretKeyRef"]["name"] == "licenceserver", variable


def zabbix():
    (export,) = documents("monitoring/zabbix/licenceserver.yaml")
    export = export["zabbix_export"]
    assert export["version"] == "7.0"
    (template,) = export["templates"]
    groups = {group["name"] for group in export["template_groups"]}
    assert all(group["name"] in groups for group in template["groups"])
    plain = template["items"]
    keys = {item["key"] for item in plain}
    for rule in template["discovery_rules"]:
        macros = {path["lld_macro"] for path in rule["lld_macro_paths"]}
        for item in rule["item_prototypes"]:
            assert set(re.findall(r"{#\w+}", json.dumps(item))) <= macros, item
            plain.append(item)
        assert rule["type"] == "DEPENDENT" and rule["master_item"]["key"] in keys, rule["key"]
        assert [step["type"] for step in rule["preprocessing"]] == ["PROMETHEUS_TO_JSON"], rule["key"]
    assert len({item["key"] for item in plain}) == len(plain), "a key is there twice"
    for item in plain:
        if item["type"] == "HTTP_AGENT":
            continue
        assert item["type"] == "DEPENDENT" and item["master_item"]["key"] in keys, item["key"]
        (step,) = item["preprocessing"]
        pattern, what, of = step["parameters"]
        assert step["type"] == "PROMETHEUS_PATTERN" and pattern.startswith("licenceserver_"), item["key"]
        assert (what, of) in {("value", ""), ("function", "sum")} or (what == "label" and of), item["key"]
    macros = {macro["macro"] for macro in template["macros"]}
    used = set(re.findall(r"{\$[A-Z.]+}", json.dumps(template)))
    assert used == macros, used ^ macros


def alerts():
    """Each rule wakes somebody in its test, and sleeps in it too."""
    (rules,) = documents("monitoring/prometheus/licenceserver.rules.yml")
    (tests,) = documents("monitoring/prometheus/licenceserver.rules.test.yml")
    names = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    cases = [case for test in tests["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names, "an alert without a test that it fires"
    quiet = {case["alertname"] for case in cases if not case["exp_alerts"]}
    assert quiet == names - {"KeyEndsSoon"}, names - quiet


def firewalld():
    service = xml.parse(here / "linux/licenceserver/firewalld.xml").getroot()
    assert service.tag == "service" and {child.tag for child in service} == {"short", "description", "port"}
    assert [port.attrib for port in service.iter("port")] == [{"protocol": "tcp", "port": "9099"}]


def polkit():
    rules = (here / "linux/licenceserver/polkit.rules").read_text()
    begin = "var rule, polkit = {Result: {YES: 'yes'}, addRule: function (given) { rule = given; }};"
    ask = """
    [["org.debian.pcsc-lite.access_pcsc", "licenceserver"], ["org.debian.pcsc-lite.access_card", "licenceserver"],
     ["org.debian.pcsc-lite.access_card", "somebody"], ["org.freedesktop.login1.reboot", "licenceserver"]]
    .forEach(function (pair) { print(rule({id: pair[0]}, {user: pair[1]})); });"""
    with tempfile.NamedTemporaryFile("w", suffix=".js") as file:
        file.write(begin + rules + ask)
        file.flush()
        said = subprocess.run(["duk", file.name], check=True, capture_output=True, text=True).stdout.split()
    assert said == ["yes", "yes", "undefined", "undefined"], said


for check in (container, zabbix, alerts, firewalld, polkit):
    try:
        check()
    except Exception:
        print(f"FAILED: {check.__name__}", file=sys.stderr)
        raise
    print(f"ok: {check.__name__}")
