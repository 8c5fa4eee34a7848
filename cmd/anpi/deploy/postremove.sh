#!/bin/sh
# Runs after the files have gone. The configuration and the ledger go only when
# that was asked for; the account stays, so that nobody else gets its files.
set -eu

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
[ "$1" = purge ] || exit 0
rm -rf /etc/anpi /var/lib/anpi
