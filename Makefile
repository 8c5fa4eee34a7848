# What developers and packagers type. How to install is in the README.

# The version of packages is that of the newest tag, such as v1.2.0.
VERSION ?= $(shell git describe --tags --match 'v*' 2>/dev/null || echo 0.0.0)
PREFIX  ?= /usr/local
DESTDIR ?=
UNITDIR ?= $(PREFIX)/lib/systemd/system
DEPLOY  := cmd/anpi/deploy
IMAGE   ?= anpi:local
ARCHS   := amd64 arm64 arm
NFPM    ?= go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0

.PHONY: build test long race lint demo ci image images image-roots deb install uninstall $(ARCHS:%=image-root-%) $(ARCHS:%=deb-%)

build: ## static binaries in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/anpi ./cmd/broadcast

test:
	go test ./...

long: ## the suites whole of which "make test" takes a sample
	ANPI_TEST_LONG=1 go test -timeout 30m ./...

race:
	go test -race ./...

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...

demo:
	go run ./cmd/anpi demo

ci:
	bash .ci/run

# What goes into an image for one architecture. Whoever the container runs as
# may write into the folder of the ledger, which holds one ledger and no more.
$(ARCHS:%=image-root-%): image-root-%:
	rm -rf dist/image-$*
	install -d dist/image-$*/usr/bin dist/image-$*/etc/anpi
	install -d -m 1777 dist/image-$*/tmp dist/image-$*/var/lib/anpi
	CGO_ENABLED=0 GOOS=linux GOARCH=$* GOARM=7 go build -tags container -trimpath -ldflags '-s -w' -o dist/image-$*/usr/bin/ ./cmd/anpi ./cmd/broadcast

image-roots: $(ARCHS:%=image-root-%)

image: image-root-$(shell go env GOARCH) ## the image anpi:local for this machine
	docker build --build-arg TARGETARCH=$(shell go env GOARCH) -t $(IMAGE) .

PLATFORMS := linux/amd64,linux/arm64,linux/arm/v7
BUILDAH   ?= buildah

images: image-roots ## one image for every kind of machine
	$(BUILDAH) build --format docker --platform $(PLATFORMS) --manifest $(IMAGE) .

# What nfpm calls arm of version 7, and Debian armhf.
DEB_arm := arm7
$(ARCHS:%=deb-%): deb-%: image-root-%
	ARCH=$(or $(DEB_$*),$*) VERSION=$(VERSION) PROGRAMS=dist/image-$*/usr/bin $(NFPM) package -f $(DEPLOY)/nfpm.yaml -p deb -t dist/

deb: $(ARCHS:%=deb-%) ## Debian packages in dist/

install: build ## programs, unit and account on this machine; DESTDIR= leaves the account out
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(UNITDIR) $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)/etc/anpi
	install -m 755 bin/anpi bin/broadcast $(DESTDIR)$(PREFIX)/bin/
	sed 's|/usr/bin/anpi|$(PREFIX)/bin/anpi|' $(DEPLOY)/anpi.service >$(DESTDIR)$(UNITDIR)/anpi.service
	install -m 644 $(DEPLOY)/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/anpi.conf
	test -n "$(DESTDIR)" || $(DEPLOY)/postinstall.sh configure

uninstall: ## the ledger and the configuration stay
	test -n "$(DESTDIR)" || $(DEPLOY)/preremove.sh remove
	rm -f $(DESTDIR)$(PREFIX)/bin/anpi $(DESTDIR)$(PREFIX)/bin/broadcast
	rm -f $(DESTDIR)$(UNITDIR)/anpi.service $(DESTDIR)$(PREFIX)/lib/sysusers.d/anpi.conf
