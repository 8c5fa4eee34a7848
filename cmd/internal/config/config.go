// Package config turns the configuration file and the environment into one
// ready value. No package below cmd knows it.
//
// The file is TOML; each setting but the drills can also come from the
// environment, as ANPI_NEXTCLOUD_URL for nextcloud.url, which wins. Lists stand
// there with commas, accounts as card-uid:account. Passwords never stand in the
// file and are never flags: they come from the environment, or from files that
// nobody else, or at most a group, can read. Paths are seen from the folder of
// the configuration file.
//
// Every mistake, an unknown key or ANPI_ variable included, is a
// [*locale.Problem] that names the line and says what to write.
package config

import (
	"net/mail"
	"net/netip"
	"time"

	"filippo.io/age"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/talkapi"
)

// Config is everything that a household decides.
type Config struct {
	// Language of the room, and of members whose own is not known: "ja" or
	// "en". Default "ja".
	Language string
	// Zone of the family. Default Asia/Tokyo.
	Zone *time.Location
	// Data is the folder of the ledger, as an absolute path. Default
	// $STATE_DIRECTORY, else /var/lib/anpi for root and ~/.local/state/anpi for
	// others.
	Data string
	// Contact says whom to call when nothing else works; may be empty.
	Contact string

	Nextcloud Nextcloud
	Roster    Roster
	// Mail is nil when no mail server is configured.
	Mail *Mail
	// Inbox is nil when replies to mails are not read.
	Inbox *Inbox
	// Web is nil when there are no pages.
	Web    *Web
	Drills []Drill
	Doctor Doctor
	// Health is nil when nobody may ask how Anpi is.
	Health *Health
	// Backup is nil when none is made on a schedule.
	Backup *Backup
	// File is the configuration file, as an absolute path; empty when everything
	// comes from the environment. PasswordFiles are those that were read.
	File          string
	PasswordFiles []string
	// Ladder is the default one, with its minutes as long as the setting
	// minute says.
	Ladder broadcast.Ladder
}

// Nextcloud is the account that Anpi speaks as.
type Nextcloud struct {
	URL      string
	User     string
	Password talkapi.Secret
	// Room is the name or token of the family room.
	Room string
}

// Roster says who belongs to the family.
type Roster struct {
	// Books are address books by name; empty for the accounts of the Nextcloud.
	Books []string
	// Organisers are accounts, card UIDs or mail addresses.
	Organisers []string
	// Exclude are accounts or card UIDs of nobody's, such as admin.
	Exclude []string
	// Groups limits the roster to members with one of these categories.
	Groups []string
	// Accounts gives cards of personal books (by UID) a Talk account.
	Accounts map[string]string
	// Names gives members (by account or card UID) further names by which the
	// family calls them.
	Names map[string][]string
	// Every is between two looks at the address books. Default 1 h.
	Every time.Duration
}

// Mail is how mail goes out.
type Mail struct {
	From mail.Address
	// Relays take it, the preferred one first: that of the table mail, then the
	// others.
	Relays []Server
	// PerMinute limits how many leave; zero is no limit.
	PerMinute int
}

// Server is a mail server and the account there.
type Server struct {
	Host string
	// Port is by default the usual one for the security.
	Port int
	// Security is "starttls" (default for sending), "tls" (default for reading)
	// or "none".
	Security string
	User     string // empty: no authentication
	Password talkapi.Secret
}

// Inbox is the mailbox that replies are read from.
type Inbox struct {
	Server
	Mailbox string // empty is INBOX
	// Address takes replies with something behind a plus (anpi+…@example.org);
	// empty when the mail server knows no such addresses.
	Address string
}

// Web are the answer page and the board.
type Web struct {
	// Listen is the address and port to listen on; empty when only the board's
	// copy is wanted.
	Listen string
	// URL is the public address, without a slash at its end.
	URL string
	// Board is the file that holds a copy of the board; may be empty.
	Board string
	// Proxies are believed when they say who asks; nil is this machine.
	Proxies []netip.Prefix
}

// Backup is a backup on a schedule.
type Backup struct {
	// To is the folder, as an absolute path.
	To string
	// Every is between two of them. Default 24 h.
	Every time.Duration
	// Recipient can open them; nil: they are not encrypted, and passwords are
	// left out.
	Recipient age.Recipient
	// Keep is how many stay in the folder. Default 7.
	Keep int
}

// Drill is a check for practice on a schedule.
type Drill struct {
	Name string
	// Cron is five fields, in the family's zone unless CRON_TZ= names another
	// before them; as [Schedule] returns it.
	Cron     string
	Question string
}

// Doctor says how the daemon watches over what must work on the day.
type Doctor struct {
	// Every is between two looks. Default 15 min; zero: it never looks.
	Every time.Duration
	// Probe and OwnAddress are services outside that look at the pages, and that
	// tell by which address this house is known; may be empty.
	Probe, OwnAddress string
}

// Health is where monitoring asks how Anpi is.
type Health struct {
	// Listen is the address and port to listen on: one of this machine, unless
	// the configuration says that everybody may ask.
	Listen string
}
