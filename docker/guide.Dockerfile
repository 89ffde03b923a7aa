# MemMachine of the guide's era (0.1.10): upstream's image, and psycopg2 where its environment looks for it. From 0.1.7
# to 0.1.10 sessions in PostgreSQL need it (SQLAlchemy's driver for `postgresql://`), and no image of upstream's has it.
# Listed and not deployed, see `memdeploy releases`: its server is in no package registry.
ARG BASE=memmachine/memmachine:v0.1.10-cpu
FROM ${BASE}

ARG RELEASE=0.1.10
USER root
COPY requirements/memmachine-${RELEASE}.txt /opt/memdeploy/requirements/
# By the image's own Python: the environment (made by uv) has no pip. Wheels only, so no compiler and no libpq.
RUN /usr/local/bin/python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-cache-dir \
    --no-deps --only-binary :all: --require-hashes --requirement /opt/memdeploy/requirements/memmachine-${RELEASE}.txt \
    --target /app/.venv/lib/python3.12/site-packages
# With the interpreter that runs the server, or the build ends here.
RUN /app/.venv/bin/python -c "import psycopg2; print('psycopg2', psycopg2.__version__, 'in', psycopg2.__path__[0]); \
    assert psycopg2.__path__[0] == '/app/.venv/lib/python3.12/site-packages/psycopg2'"
