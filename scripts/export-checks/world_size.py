"""Prints how many ranks a manifest starts."""

import sys

import yaml

with open(sys.argv[1]) as file:
    job = [document for document in yaml.safe_load_all(file) if document["kind"] == "Job"][0]
limits = job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
environment = job["spec"]["template"]["spec"]["containers"][0]["env"]
sizes = [int(item["value"]) for item in environment if item["name"] == "WORLD_SIZE"]
print(sizes[0] if sizes else job["spec"]["completions"] * next(iter(limits.values())))
