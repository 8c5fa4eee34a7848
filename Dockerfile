# Anpi in a container: the two programs, and nothing else. "make image" builds
# it for this machine, "make images" for every kind.
FROM scratch
ARG TARGETARCH
COPY dist/image-${TARGETARCH}/ /
# Where the ledger lives; for "docker exec anpi broadcast …", too.
ENV STATE_DIRECTORY=/var/lib/anpi
VOLUME /var/lib/anpi
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=10s --start-period=1m CMD ["/usr/bin/anpi", "alive"]
ENTRYPOINT ["/usr/bin/anpi"]
CMD ["serve", "--wait"]
