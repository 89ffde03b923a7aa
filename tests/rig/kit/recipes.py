"""What each image is made from. Adding an image is adding a recipe; order and parallelism follow from `parents`."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from kit import host
from kit.image import LABEL, Image, build, context_of, key_of
from kit.shell import RigError, run

HERE = Path(__file__).resolve().parent.parent
IMAGES = HERE / "images"
PRODUCT = HERE.parent.parent / "docker"
RELEASES = ("0.4.0", "0.3.9", "0.2.6")

BASE = "memdeploy-rig/base:trixie"
PYTHON = "python:3.12-slim-trixie"
POSTGRES = "pgvector/pgvector:pg17"
NEO4J = "neo4j:5.26-community"
REGISTRY = "registry:2"
#: Several checkouts that share one engine each name their own.
MEMMACHINE = os.environ.get("MEMDEPLOY_RIG_MEMMACHINE", "memdeploy-rig/memmachine")
UPSTREAM = f"memmachine/memmachine:v{RELEASES[0]}-cpu"

BASE_PACKAGES = (
    "ca-certificates,curl,netbase,tzdata,procps,libssl3t64,libffi8,libsqlite3-0,libreadline8t64,libncursesw6,"
    "libbz2-1.0,liblzma5,libuuid1,libgdbm6t64,zlib1g"
)
NOT_NEEDED = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")


def images(work: Path) -> tuple[Image, ...]:
    """All of them, parents first. Reads the machine (certificates, CPython), builds nothing."""
    base = _base(work)
    python = _python(work, base)
    memmachine = [_memmachine(work, python, release) for release in RELEASES]
    return (
        base,
        python,
        *memmachine,
        _from_folder(NEO4J, "neo4j", base, work=work),
        _from_folder(POSTGRES, "postgres", base, work=work),
        _from_folder(REGISTRY, "registry", base, work=work),
        _from_folder(UPSTREAM, "upstream", memmachine[0], work=work),
    )


def _base(work: Path) -> Image:
    certificates = host.own_certificates()

    def make(key: str) -> None:
        tree = work / "base.tar"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={BASE_PACKAGES}"]
        command += [f"--dpkgopt=path-exclude={pattern}" for pattern in NOT_NEEDED]
        # Java's packages expect this folder, which the exclusion leaves out.
        command.append('--customize-hook=mkdir -p "$1/usr/share/man/man1"')
        if host.KEYRING.exists():
            command.append(f"--keyring={host.KEYRING}")
        if certificates:
            names = " ".join(str(path) for path in certificates)
            command.append(f"--customize-hook=copy-in {names} {host.CERTIFICATES}/")
            command.append('--customize-hook=chroot "$1" update-ca-certificates')
        run([*command, "trixie", str(tree), host.debian_mirror()])
        run(["docker", "import", "--change", f"LABEL {LABEL}={key}", "--change", 'CMD ["bash"]', str(tree), BASE])
        tree.unlink()

    return Image(BASE, key_of("base", BASE_PACKAGES, *NOT_NEEDED, host.fingerprint(certificates)), make)


def _python(work: Path, base: Image) -> Image:
    folder = IMAGES / "python"
    source = host.python312()

    def make(key: str) -> None:
        if source is None:
            raise RigError(
                f"no relocatable CPython 3.12 to make {PYTHON} from, and Debian has none: `pyenv install 3.12`, "
                "or load that image from a machine that can pull it"
            )
        with context_of(folder, work) as context:
            with tarfile.open(context / "python.tar", "w") as archive:
                for name in ("bin", "lib", "include"):
                    archive.add(source / name, name, filter=_runtime_only)
            build(PYTHON, key, context)

    return Image(PYTHON, key_of(base.key, folder, source.name if source else "none"), make, (BASE,))


LEFT_OUT = ("lib/python3.12/test", "lib/python3.12/idlelib", "lib/python3.12/site-packages")


def _runtime_only(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leaves out tests, static libraries, bytecode, and whatever was installed into this Python."""
    unwanted = any(member.name.startswith(f"{folder}/") for folder in LEFT_OUT)
    if unwanted or "__pycache__" in member.name or member.name.endswith(".a"):
        return None
    member.uid = member.gid = 0
    return member


def _from_folder(tag: str, name: str, parent: Image, *, work: Path) -> Image:
    folder = IMAGES / name

    def make(key: str) -> None:
        with context_of(folder, work) as context:
            if (context / "pom.xml").exists():
                _fetch_jars(context)
            build(tag, key, context)

    return Image(tag, key_of(parent.key, folder), make, (parent.tag,))


def _fetch_jars(context: Path) -> None:
    host.ensure_programs(("mvn", "maven"))
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={context / 'lib'}"]
    run(["mvn", "--quiet", "--batch-mode", "--file", str(context / "pom.xml"), *goal])


def _memmachine(work: Path, python: Image, release: str) -> Image:
    """The product's own image: what `memdeploy up` builds from it then comes from the engine's cache."""
    tag = f"{MEMMACHINE}:{release}"

    def make(key: str) -> None:
        with context_of(PRODUCT, work) as context:
            for path in context.rglob("*"):  # the modes that memdeploy sends: others would be another cache entry
                path.chmod(0o755 if path.is_dir() else 0o644)
            build(tag, key, context, args={"BASE": PYTHON, "RELEASE": release})

    return Image(tag, key_of(python.key, PRODUCT, release), make, (PYTHON,))


def clean(work: Path) -> None:
    """Leftovers of a run that was killed."""
    for path in work.glob("tmp*"):
        shutil.rmtree(path, ignore_errors=True)
