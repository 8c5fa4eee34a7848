package deploy_test

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast/longtest"
	"github.com/anpi-bot/anpi/cmd/internal/cli"
	"github.com/anpi-bot/anpi/talkapi"
)

// sample is a sample household in the making.
type sample struct {
	t      *testing.T
	cloud  *cloud
	url    string
	folder string // of what is made
	occ    string // the path of the command
	lang   string
}

func newSample(t *testing.T, lang string) *sample {
	t.Helper()
	needs(t, "curl")
	c := newCloud()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	occ := filepath.Join(t.TempDir(), "occ")
	if err := os.WriteFile(occ, []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	return &sample{t: t, cloud: c, url: server.URL, folder: t.TempDir(), occ: occ, lang: lang}
}

// provision runs a step of the script, and returns what it prints.
func (s *sample) provision(step string) (string, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "provision.sh", step)
	cmd.Env = append(os.Environ(), "HOUSEHOLD="+s.folder, "NEXTCLOUD_URL="+s.url, "ANPI_USER=", "ANPI_LANGUAGE="+s.lang,
		"OCC="+s.occ)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// must runs a step that must go well.
func (s *sample) must(step string) string {
	s.t.Helper()
	out, err := s.provision(step)
	if err != nil {
		s.t.Fatalf("provision.sh %s: %v\n%s", step, err, out)
	}
	return out
}

func (s *sample) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// roster is what Anpi makes of the household, with the configuration as it was
// written.
func (s *sample) roster() string {
	s.t.Helper()
	var out strings.Builder
	status := cli.Run(s.t.Context(), &cli.Terminal{
		Args: []string{"--config", filepath.Join(s.folder, "anpi", "anpi.toml"), "roster"}, In: strings.NewReader(""), Out: &out, Err: &out,
		Environ: []string{"STATE_DIRECTORY=" + s.t.TempDir()},
	}, cli.Anpi)
	if status != 0 {
		s.t.Fatalf("anpi roster ends with status %d:\n%s", status, &out)
	}
	return out.String()
}

const sampleRoster = `Akari: Talk akari
Dad (organiser): Talk dad, e-mail dad@example.org
Grandma: Talk grandma, e-mail grandma@example.org
Mum: Talk mum, e-mail mum@example.org
Uncle: e-mail uncle@example.org
`

// From an empty Nextcloud to a household that Anpi can serve; once more changes
// nothing.
func TestSampleHousehold(t *testing.T) {
	s := newSample(t, "en")
	s.must("passwords")
	var all []string
	for _, who := range []string{"admin", "database", "anpi", "dad", "mum", "akari", "grandma"} {
		all = append(all, s.read("passwords/"+who))
	}
	seen := map[string]bool{}
	for _, p := range all {
		if !regexp.MustCompile(`^[A-Za-z0-9]{24}\n$`).MatchString(p) || seen[p] {
			t.Errorf("the password %q is too weak, or not the only one", p)
		}
		seen[p] = true
	}
	printed := s.must("household")
	if got := s.roster(); got != sampleRoster {
		t.Errorf("the roster is\n%s", got)
	}
	all = append(all, s.read("anpi/nextcloud-password"))
	before := s.read("anpi/anpi.toml")

	// The owner changes what was made.
	s.cloud.setMail("mum", "mum@home.example")
	if err := os.WriteFile(filepath.Join(s.folder, "anpi", "anpi.toml"), []byte("# mine\n"+before), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cloud.breakOff(0)
	printed += s.must("passwords") + s.must("household")
	if s.cloud.mail("mum") != "mum@home.example" || s.read("anpi/anpi.toml") != "# mine\n"+before || s.cloud.made() != 1 {
		t.Errorf("what was there has changed: mail %s, %d rooms, configuration\n%s", s.cloud.mail("mum"), s.cloud.made(), s.read("anpi/anpi.toml"))
	}
	for _, command := range s.cloud.called() {
		if regexp.MustCompile(`^(user:add|user:auth-tokens|talk:room:create|dav:create|config:app:set)`).MatchString(command) {
			t.Errorf("the second time there was the command %s", command)
		}
	}
	// Nobody sees a password who does not look for it.
	for _, p := range all {
		p = strings.TrimSpace(p)
		if strings.Contains(printed, p) || strings.Contains(strings.Join(s.cloud.called(), "\n"), p) || strings.Contains(before, p) {
			t.Errorf("there is a password in what was printed, in a command, or in the configuration:\n%s", printed)
		}
	}
	for _, path := range files(t, s.folder) {
		info, err := os.Stat(filepath.Join(s.folder, path))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is for others to read: %v, %v", path, info.Mode(), err)
		}
	}
}

// Nobody is shown around by Talk, in a room that would only be in the way.
func TestSampleHouseholdHasNoSampleRooms(t *testing.T) {
	s := newSample(t, "en")
	s.must("passwords")
	s.must("household")
	for _, who := range []string{"anpi", "dad", "mum", "akari", "grandma"} {
		client, err := talkapi.New(talkapi.Options{URL: s.url, User: who, Password: talkapi.Secret(s.cloud.people[who].AppPassword())})
		if err != nil {
			t.Fatal(err)
		}
		list, err := client.Rooms(t.Context(), talkapi.RoomsQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.Rooms {
			if r.Sample {
				t.Errorf("%s has the room %q", who, r.Name)
			}
		}
	}
	// Whoever wants them may have them.
	s.cloud.set("spreed create_samples", "true")
	s.must("household")
	if got := s.cloud.setting("spreed create_samples"); got != "true" {
		t.Errorf("what the owner has switched on is %q again", got)
	}
}

// The room in which Talk shows an account around is a group room, too, and not
// the family's.
func TestSampleHouseholdBesideSampleRooms(t *testing.T) {
	s := newSample(t, "en")
	s.must("passwords")
	// The accounts are there, and not yet their room.
	s.must("household")
	at := slices.IndexFunc(s.cloud.called(), func(command string) bool { return strings.HasPrefix(command, "talk:room:create") })
	s = newSample(t, "en")
	s.must("passwords")
	s.cloud.breakOff(at + 1)
	if out, err := s.provision("household"); err == nil {
		t.Fatalf("broken off there the script says that all is well:\n%s", out)
	}
	s.cloud.welcome("anpi")
	s.cloud.breakOff(0)
	s.must("household")
	s.must("household")
	if s.cloud.made() != 1 {
		t.Errorf("%d rooms were made for the family, want one", s.cloud.made())
	}
	if got := s.roster(); got != sampleRoster {
		t.Errorf("the roster is\n%s", got)
	}
}

func TestSampleHouseholdInJapanese(t *testing.T) {
	s := newSample(t, "ja")
	s.must("passwords")
	s.must("household")
	got := s.roster()
	for _, want := range []string{"お父さん（まとめ役）", "おばあちゃん", "おじさん"} {
		if !strings.Contains(got, want) {
			t.Errorf("the roster lacks %s:\n%s", want, got)
		}
	}
	if got := s.read("anpi/anpi.toml"); !strings.Contains(got, `room = "家族"`) {
		t.Errorf("the room is not 家族:\n%s", got)
	}
}

// Wherever it breaks off, the script says so with its exit status, and the next
// run makes the household whole.
func TestSampleHouseholdIsKilled(t *testing.T) {
	whole := newSample(t, "en")
	whole.must("passwords")
	whole.must("household")
	commands := whole.cloud.called()
	for i := 0; i < len(commands); i += longtest.Every(5) {
		t.Run(commands[i], func(t *testing.T) {
			t.Parallel()
			s := newSample(t, "en")
			s.must("passwords")
			s.cloud.breakOff(i + 1)
			if out, err := s.provision("household"); err == nil {
				t.Fatalf("broken off there the script says that all is well:\n%s", out)
			}
			s.cloud.breakOff(0)
			s.must("household")
			if got := s.roster(); got != sampleRoster || s.cloud.made() != 1 {
				t.Errorf("%d rooms, and the roster\n%s", s.cloud.made(), got)
			}
		})
	}
}

func TestProvisionIsMistyped(t *testing.T) {
	s := newSample(t, "en")
	if out, err := s.provision("everything"); err == nil || !strings.Contains(out, "usage: provision.sh passwords|household") {
		t.Errorf("%v: %s", err, out)
	}
}
