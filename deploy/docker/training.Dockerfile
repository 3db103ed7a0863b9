# Nearly the image that `cargo xtask image training` makes, for those who have Docker. In the workspace's root:
# docker build --file deploy/docker/training.Dockerfile --tag iflearner-flow/training:0.1.0 .
FROM debian:bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates python3 python3-pip
COPY crates/flowctl/assets/demo/requirements.txt /
RUN pip3 install --require-hashes --no-deps --no-compile --target /site --requirement /requirements.txt \
    && rm -rf /site/bin \
    && find /site -type d '(' -name tests -o -name SelfTest ')' -prune -exec rm -rf '{}' +
# What iflearner imports and hardly uses.
COPY crates/agent/assets/standins/ /site/
# Ahead, as nobody can at a read-only root.
RUN python3 -m compileall -q --invalidation-mode checked-hash /site

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s python3 /usr/bin/python \
    && groupadd --gid 65532 flow \
    && useradd --uid 65532 --gid flow --home-dir /tmp --no-create-home --shell /usr/sbin/nologin flow
COPY --from=build /site /usr/local/lib/python3.11/dist-packages
COPY crates/flowctl/assets/demo/party_digits.py /app/digits/
ENV PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /app
CMD ["python"]
