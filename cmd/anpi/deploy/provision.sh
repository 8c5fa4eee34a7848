#!/bin/sh
# Makes the sample household of docker-compose.yml, in two steps:
#
#   provision.sh passwords    makes every password that there is none for yet
#   provision.sh household    then, with Nextcloud installed: Talk and Contacts,
#                             the family, their room, and Anpi's configuration
#
# It runs in Nextcloud's own container, as root. It may be killed anywhere and
# run again: what is there already stays as it is.
#
#   HOUSEHOLD       the folder for what it makes; default /household
#   NEXTCLOUD_URL   where Anpi finds Nextcloud; default http://nextcloud
#   OCC             the command for occ; default that of the container
#   ANPI_USER       user:group that Anpi runs as; empty leaves the owner
#   ANPI_LANGUAGE   en or ja; ANPI_TIMEZONE such as Asia/Tokyo
set -eu
umask 077

household=${HOUSEHOLD:-/household}
passwords=$household/passwords
nextcloud=${NEXTCLOUD_URL:-http://nextcloud}
language=${ANPI_LANGUAGE:-en}

say() { printf '%s\n' "$*"; }

occ() {
	${OCC:-setpriv --reuid=www-data --regid=www-data --init-groups php /var/www/html/occ} --no-interaction "$@"
}

# put writes its input into a file, whole or not at all.
put() {
	cat >"$1.new"
	mv "$1.new" "$1"
}

# password makes a password of 24 letters and digits, once.
password() {
	[ -s "$passwords/$1" ] || head -c 512 /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9' | cut -c 1-24 | put "$passwords/$1"
}

make_passwords() {
	mkdir -p "$passwords"
	# Docker may have made the folder, for everybody to look into.
	chmod 700 "$passwords"
	for who in admin database anpi dad mum akari grandma; do
		password "$who"
	done
	say "The passwords are in the folder household/passwords."
}

# account ID NAME makes an account of the family.
account() {
	if ! occ user:info "$1" >/dev/null 2>&1; then
		OC_PASS=$(cat "$passwords/$1") occ user:add --password-from-env --display-name "$2" --group family "$1"
		occ user:setting "$1" core lang "$language"
	fi
}

# mail ID gives an account an address, unless its owner has.
mail() {
	occ user:setting "$1" settings email >/dev/null 2>&1 || occ user:setting "$1" settings email "$1@example.org"
}

# as_anpi asks Nextcloud as the account anpi. The password goes over standard
# input, where nobody else sees it.
as_anpi() {
	printf 'user = "anpi:%s"\n' "$(cat "$household/anpi/nextcloud-password")" |
		curl --config - --fail --silent --show-error --max-time 60 --retry 3 --header 'OCS-APIRequest: true' --header 'Accept: application/json' "$@"
}

# count counts a word in its input.
count() { grep -o -F -e "$1" | wc -l; }

make_family() {
	say "Installing Talk and Contacts…"
	occ app:enable spreed contacts
	# Talk would show each account around, in a group room of its own.
	occ config:app:get spreed create_samples >/dev/null 2>&1 || occ config:app:set spreed create_samples --type boolean --value false
	occ background:cron

	say "Making the accounts of the family…"
	case $language in
	ja) set -- お父さん お母さん あかり おばあちゃん おじさん 家族 ;;
	*) set -- Dad Mum Akari Grandma Uncle Family ;;
	esac
	dad=$1 mum=$2 akari=$3 grandma=$4 uncle=$5 room=$6
	account anpi Anpi
	account dad "$dad"
	account mum "$mum"
	account akari "$akari"
	account grandma "$grandma"
	for who in dad mum grandma; do
		mail "$who"
	done

	# Nextcloud makes an address book for who has none, with an example contact in
	# it, at the first login. One with an app password does not count: Anpi's is
	# made here, and stays without the example.
	if ! occ dav:list-addressbooks anpi | grep -q '^| contacts '; then
		say "Making an address book for Anpi…"
		occ dav:create-addressbook anpi contacts
	fi

	mkdir -p "$household/anpi"
	if ! [ -s "$household/anpi/nextcloud-password" ]; then
		say "Making an app password for Anpi…"
		# It is the last line, and the only one of 72 letters and digits.
		NC_PASS=$(cat "$passwords/anpi") occ user:auth-tokens:add --password-from-env anpi |
			grep -xE '[A-Za-z0-9]{72}' | put "$household/anpi/nextcloud-password"
	fi
	[ -s "$household/anpi/nextcloud-password" ] || {
		say "Nextcloud has made no app password for Anpi. Look at its log, then start again." >&2
		exit 1
	}

	# Two rooms of the same name would be one too many. Talk calls rooms for
	# several people type 2, those in which it shows somebody around as well.
	rooms=$(as_anpi "$nextcloud/ocs/v2.php/apps/spreed/api/v4/room")
	groups=$(printf '%s' "$rooms" | count '"type":2,')
	samples=$(printf '%s' "$rooms" | count '"objectType":"sample"')
	if [ "$groups" -le "$samples" ]; then
		say "Making the family's room…"
		occ talk:room:create "$room" --user anpi --user dad --user mum --user akari --user grandma --owner dad
	fi

	# Somebody without an account. The same card twice is one card.
	printf 'BEGIN:VCARD\r\nVERSION:3.0\r\nUID:uncle\r\nFN:%s\r\nEMAIL:uncle@example.org\r\nEND:VCARD\r\n' "$uncle" >"$household/uncle.vcf"
	as_anpi --output /dev/null --upload-file "$household/uncle.vcf" --header 'Content-Type: text/vcard; charset=utf-8' \
		"$nextcloud/remote.php/dav/addressbooks/users/anpi/contacts/uncle.vcf"
	rm "$household/uncle.vcf"
}

make_configuration() {
	[ -s "$household/anpi/anpi.toml" ] || put "$household/anpi/anpi.toml" <<-END
		# The sample household. Change it as you like: it is not written again.
		language = "$language"
		timezone = "${ANPI_TIMEZONE:-UTC}"

		[nextcloud]
		url = "$nextcloud"
		user = "anpi"
		password_file = "nextcloud-password"
		room = "$room"

		[roster]
		books = ["", "contacts"]
		organisers = ["dad"]
		exclude = ["admin"]

		[mail]
		from = "Anpi <anpi@example.org>"
		host = "${MAIL_HOST:-mail}"
		port = ${MAIL_PORT:-1025}
		security = "none"

		[web]
		listen = ":8086"
		url = "http://localhost:${ANPI_PORT:-8086}"

		[[drill]]
		name = "monthly"
		cron = "0 9 1 * *"
	END
	chmod 700 "$household/anpi"
	[ -z "${ANPI_USER:-}" ] || chown -R "$ANPI_USER" "$household/anpi"
	say "The household is ready. Log in as dad, with the password in household/passwords/dad."
}

case ${1:-} in
passwords) make_passwords ;;
household)
	make_family
	make_configuration
	;;
*)
	say "usage: provision.sh passwords|household" >&2
	exit 2
	;;
esac
