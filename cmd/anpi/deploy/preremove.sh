#!/bin/sh
# Runs before the files go. An update leaves the daemon running, with what it has
# in memory, until the new one takes its place.
set -eu

[ "$1" = remove ] || exit 0
[ -d /run/systemd/system ] || exit 0
systemctl disable --now --quiet anpi.service
