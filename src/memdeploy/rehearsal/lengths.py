"""How long operations take in the cloud, in seconds, by API method.

Sources: ranges seen in public recordings and documentation where marked, else an engineer's estimate (E). The middle of
the range; `--time-scale` shortens all of them alike.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT = 5.0

SECONDS: Mapping[str, float] = {
    # https://cloud.google.com/sql/docs/postgres/create-instance: "several minutes"; 5-15 minutes are usual (E)
    "sql.instances.insert": 480,
    "sql.instances.patch": 60,  # E; a restart of the instance when the tier or activation policy changes
    "sql.instances.delete": 60,  # E
    "sql.databases.insert": 4,  # E
    "sql.databases.delete": 4,  # E
    "sql.users.insert": 3,  # E; recorded answers are often DONE at once
    "sql.users.update": 3,  # E
    "sql.users.delete": 3,  # E
    "sql.backupRuns.insert": 120,  # E
    "run.projects.locations.services.create": 40,  # E: 20 s to 4 min
    "run.projects.locations.services.patch": 40,  # E
    "run.projects.locations.services.delete": 15,  # E
    "run.projects.locations.jobs.create": 8,  # E
    "run.projects.locations.jobs.patch": 8,  # E
    "run.projects.locations.jobs.delete": 8,  # E
    "run.projects.locations.jobs.run": 3,  # E; its operation ends when the execution has started
    "artifactregistry.projects.locations.repositories.create": 10,  # E: 5-15 s
    "artifactregistry.projects.locations.repositories.delete": 10,  # E
    "cloudbuild.projects.builds.create": 180,  # E: 2-6 min
    "cloudbuild.projects.locations.builds.create": 180,  # E
    "serviceusage.services.batchEnable": 20,  # E
    "serviceusage.services.enable": 10,  # E
    "serviceusage.services.disable": 10,  # E
    "servicenetworking.services.connections.patch": 60,  # E: 30-90 s
    "servicenetworking.services.connections.create": 60,  # E
    "servicenetworking.services.connections.deleteConnection": 30,  # E
    "compute.networks.insert": 20,  # E: 10-40 s
    "compute.networks.delete": 20,  # E
    "compute.networks.removePeering": 15,  # E
    "compute.subnetworks.insert": 15,  # E: 10-30 s
    "compute.subnetworks.delete": 15,  # E
    "compute.firewalls.insert": 10,  # E
    "compute.globalAddresses.insert": 10,  # E
    "compute.addresses.insert": 10,  # E
    "compute.disks.insert": 10,  # E
    "compute.disks.createSnapshot": 60,  # E
    "compute.snapshots.insert": 60,  # E
    "compute.instances.insert": 25,  # E: 10-60 s
    "compute.instances.stop": 40,  # E
    "compute.instances.start": 20,  # E
    "compute.instances.delete": 45,  # E
    "compute.instances.setMachineType": 5,  # E
    "compute.instances.setMetadata": 5,  # E
}


def seconds_of(method: str) -> float:
    return SECONDS.get(method, DEFAULT)
