#!/bin/sh
# Runs after the files are in place: makes the account and its folders, and
# starts the daemon when it has a configuration.
set -eu

[ "$1" = configure ] || exit 0

systemd-sysusers anpi.conf
install -d -o root -g anpi -m 750 /etc/anpi
install -d -o anpi -g anpi -m 700 /var/lib/anpi

# In a container or while a system is being put together nothing runs.
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
systemctl enable --quiet anpi.service
if [ -e /etc/anpi/anpi.toml ]; then
	systemctl restart anpi.service
fi
