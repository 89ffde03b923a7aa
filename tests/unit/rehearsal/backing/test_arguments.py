import pytest

from memdeploy.rehearsal.backing.arguments import Mount, Refused, parse_run

REGISTRY = "127.0.0.1:5005"
IMAGE = f"{REGISTRY}/p/hub/library/neo4j@sha256:{'a' * 64}"


def run(*argv: str) -> None:
    parse_run([*argv, IMAGE], REGISTRY)


def test_what_the_boot_script_asks_for_is_understood() -> None:
    found = parse_run(
        [
            *("-d", "--name", "neo4j", "--network", "host", "--restart", "unless-stopped", "--stop-timeout=120"),
            *("--log-driver", "json-file", "--log-opt", "max-size=20m"),
            *("--mount", "type=bind,source=/rehearsal/disks/neo4j-1/fs/data,target=/data"),
            *("--mount", "type=bind,source=/run/memdeploy/auth,target=/run/secrets/auth,readonly"),
            *("-e", "NEO4J_AUTH_FILE=/run/secrets/auth", "-e", "A=b=c"),
            IMAGE,
            "neo4j",
            "--verbose",
        ],
        REGISTRY,
    )
    assert found.image == IMAGE
    assert found.command == ("neo4j", "--verbose")
    assert (found.name, found.detach, found.restarts, found.stop_timeout) == ("neo4j", True, True, 120)
    assert found.env == {"NEO4J_AUTH_FILE": "/run/secrets/auth", "A": "b=c"}
    assert found.mounts == (
        Mount("neo4j-1", "fs/data", "/data", read_only=False),
        Mount(None, "memdeploy/auth", "/run/secrets/auth", read_only=True),
    )


def test_a_volume_flag_is_a_bind_mount() -> None:
    found = parse_run(["-v", "/rehearsal/disks/d/fs/x:/data:ro", IMAGE], REGISTRY)
    assert found.mounts == (Mount("d", "fs/x", "/data", read_only=True),)


@pytest.mark.parametrize(
    "argv",
    [
        ["--privileged"],
        ["--privileged=true"],
        ["--cap-add", "SYS_ADMIN"],
        ["--device", "/dev/sda"],
        ["--pid", "host"],
        ["--ipc=host"],
        ["--userns", "host"],
        ["--env-file", "/run/env"],
        ["--volumes-from", "other"],
        ["--security-opt", "seccomp=unconfined"],
        ["--network", "container:other"],
        ["--net=other"],
        ["-p", "8080:7687"],
        ["-P"],
        ["--log-driver", "syslog"],
        ["-e", "HOST_VARIABLE"],
        ["--name", "../escape"],
        ["--stop-timeout", "soon"],
        ["-d=false"],
    ],
)
def test_anything_else_is_refused(argv: list[str]) -> None:
    with pytest.raises(Refused):
        run(*argv)


@pytest.mark.parametrize(
    "source",
    [
        "/",
        "/etc",
        "/var/run/docker.sock",
        "/rehearsal/host/rehearsal.sock",
        "/rehearsal/disks/d",
        "/rehearsal/disks/d/superblock",
        "/rehearsal/disks/d/fs/../superblock",
        "/rehearsal/disks/d/fsx",
        "/run/../etc",
        "relative",
        "named-volume",
    ],
)
def test_only_the_mounted_disk_and_memory_may_be_mounted(source: str) -> None:
    with pytest.raises(Refused):
        run("--mount", f"type=bind,source={source},target=/data")
    with pytest.raises(Refused):
        run("-v", f"{source}:/data")


@pytest.mark.parametrize(
    "mount",
    [
        "type=volume,source=x,target=/data",
        "type=bind,source=/run/a,target=/data,bind-propagation=shared",
        "type=bind,source=/run/a,target=data",
    ],
)
def test_other_mounts_are_refused(mount: str) -> None:
    with pytest.raises(Refused):
        run("--mount", mount)


@pytest.mark.parametrize(
    "image",
    [
        "neo4j:5.26-community",
        f"{REGISTRY}/p/hub/library/neo4j:5.26-community",
        f"evil.example/neo4j@sha256:{'a' * 64}",
        f"{REGISTRY}1/p/neo4j@sha256:{'a' * 64}",
        f"{REGISTRY}/p/neo4j@sha256:short",
    ],
)
def test_images_come_by_digest_from_the_named_registry(image: str) -> None:
    with pytest.raises(Refused):
        parse_run(["-d", image], REGISTRY)


def test_an_image_is_needed() -> None:
    with pytest.raises(Refused, match="requires an image"):
        parse_run(["-d"], REGISTRY)
