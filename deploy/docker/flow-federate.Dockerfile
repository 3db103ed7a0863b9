# The same image as `cargo xtask image` makes, for those who have Docker. In the workspace's root:
# docker build --file deploy/docker/flow-federate.Dockerfile --tag iflearner-flow/flow-federate:0.1.0 .
FROM rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates musl-tools tzdata \
    && rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /source
COPY . .
RUN cargo build --locked --release --workspace --bin flow-federate --target "$(uname -m)-unknown-linux-musl"
# What a static binary still reads, and where it may write.
WORKDIR /image
RUN mkdir -p etc/ssl/certs usr/local/bin usr/share var/lib/iflearner-flow \
    && mkdir -m 1777 tmp \
    && cp "/source/target/$(uname -m)-unknown-linux-musl/release/flow-federate" usr/local/bin/ \
    && cat /usr/share/ca-certificates/mozilla/*.crt > etc/ssl/certs/ca-certificates.crt \
    && cp -R /usr/share/zoneinfo usr/share/ \
    && rm -rf usr/share/zoneinfo/posix usr/share/zoneinfo/right usr/share/zoneinfo/localtime \
    && echo 'flow:x:65532:65532:Iflearner Flow:/var/lib/iflearner-flow:/sbin/nologin' > etc/passwd \
    && echo 'flow:x:65532:' > etc/group

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=65532:65532 --chmod=750 /image/var/lib/iflearner-flow /var/lib/iflearner-flow
ENV PATH=/usr/local/bin
USER 65532:65532
WORKDIR /var/lib/iflearner-flow
ENTRYPOINT ["/usr/local/bin/flow-federate"]
CMD ["run"]
