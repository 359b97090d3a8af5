"""Checks what schemas cannot see of a manifest: names that refer to each other, and scripts."""

import pathlib
import re
import subprocess
import sys

import yaml

with open(sys.argv[1]) as file:
    documents = {document["kind"]: document for document in yaml.safe_load_all(file)}
assert set(documents) == {"Service", "ConfigMap", "Job"}
names = {document["metadata"]["name"] for document in documents.values()}
assert len(names) == 1, names
name = names.pop()
assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name) and len(name) <= 57, name
spec = documents["Job"]["spec"]
pod = spec["template"]["spec"]
assert spec["completionMode"] == "Indexed" and spec["completions"] == spec["parallelism"]
assert documents["Service"]["spec"]["selector"] == {"batch.kubernetes.io/job-name": name}
assert pod["subdomain"] == name
volumes = {volume["name"] for volume in pod["volumes"]}
container = pod["containers"][0]
assert {mount["name"] for mount in container["volumeMounts"]} == volumes
environment = {item["name"]: item.get("value") for item in container["env"]}
assert environment["MASTER_ADDR"] == f"{name}-0.{name}"

folder = pathlib.Path(sys.argv[2])
folder.mkdir(exist_ok=True)
for path, text in documents["ConfigMap"]["data"].items():
    (folder / path).write_text(text)
    if path.endswith(".sh"):
        subprocess.run(["bash", "-n", folder / path], check=True)
    elif path.endswith(".py"):
        compile(text, path, "exec")
    elif path == "hostfile":
        hosts = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(hosts) == spec["completions"], hosts
