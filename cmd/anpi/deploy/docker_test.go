package deploy_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// compose is the command for docker-compose.yml: a plugin of docker, or a
// program of its own.
func compose(t *testing.T) []string {
	t.Helper()
	if exec.Command("docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}
	}
	return []string{needs(t, "docker-compose")}
}

// Compose understands the file, both ways to use it; no password stands in it,
// and the household starts in order.
func TestCompose(t *testing.T) {
	command := compose(t)
	config := func(profile string) string {
		args := append(command[1:len(command):len(command)], "--profile", profile, "-f", filepath.Join(root, "docker-compose.yml"), "config")
		text := run(t, command[0], args...)
		if m := regexp.MustCompile(`(?im)^.*PASSWORD: .*$`).FindString(text); m != "" {
			t.Errorf("%s: there is a password in the file: %s", profile, m)
		}
		return text
	}
	config("bot")
	full := config("full")
	for _, order := range []struct{ service, after, condition string }{
		{"database", "passwords", "service_completed_successfully"},
		{"nextcloud", "database", "service_healthy"},
		{"cron", "nextcloud", "service_healthy"},
		{"household", "nextcloud", "service_healthy"},
		{"anpi", "household", "service_completed_successfully"},
		{"anpi", "mail", "service_healthy"},
	} {
		_, service, _ := strings.Cut(full, "\n  "+order.service+":\n")
		if next := regexp.MustCompile(`(?m)^ {0,2}\S`).FindStringIndex(service); next != nil {
			service = service[:next[0]]
		}
		if want := "      " + order.after + ":\n        condition: " + order.condition + "\n"; !strings.Contains(service, want) {
			t.Errorf("%s does not wait for %s (%s):\n%s", order.service, order.after, order.condition, service)
		}
	}
}

// street is a docker engine with a network of its own: Anpi, a Nextcloud and a
// mail server live on it, each in a container.
type street struct {
	t       *testing.T
	name    string // begins the name of everything that is made
	compose []string
	files   []string // for compose
	environ []string
}

// docker runs a command of docker and returns what it prints.
func (s *street) docker(args ...string) string {
	s.t.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (s *street) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput()
	return string(out), err
}

// composes runs compose on docker-compose.yml with the profile bot.
func (s *street) composes(args ...string) (string, error) {
	all := append(s.compose[1:len(s.compose):len(s.compose)], "--profile", "bot", "--project-name", s.name, "--project-directory", root)
	for _, f := range s.files {
		all = append(all, "-f", f)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.compose[0], append(all, args...)...)
	cmd.Env = append(os.Environ(), s.environ...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// ask asks the Nextcloud or the mail server what is going on.
func (s *street) ask(whom string, args ...string) string {
	out, err := s.try(append([]string{"exec", "-e", "ANPI_TEST_PROGRAM=ask", s.name + "-" + whom, "/program"}, args...)...)
	if err != nil {
		return fmt.Sprintf("%s does not say: %v\n%s", whom, err, out)
	}
	return out
}

// await waits until it stands there so many times.
func (s *street) await(times int, pattern string, look func() string) {
	s.t.Helper()
	is := regexp.MustCompile("(?m)" + pattern)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) {
		text := look()
		if n := len(is.FindAllString(text, -1)); n == times {
			return
		} else if time.Now().After(deadline) {
			logs, _ := s.try("logs", s.name+"-anpi") // they may help
			s.t.Fatalf("%q stands there %d times, want %d:\n%s\nAnpi's log:\n%s", pattern, n, times, text, logs)
		}
	}
}

func (s *street) room() string  { return s.ask("nextcloud", "room") }
func (s *street) mails() string { return s.ask("mail", "mails") }
func (s *street) health() string {
	return s.docker("inspect", "-f", "{{.State.Health.Status}}", s.name+"-anpi")
}

// In containers, with a read-only root and no rights: Anpi starts before its
// Nextcloud, becomes healthy with it, asks, is answered, goes on to mail, and
// lives through the Nextcloud's being cut off.
//
// It builds images and starts containers, and takes all of them away again; it
// runs where ANPI_DOCKER is set.
func TestContainers(t *testing.T) {
	if os.Getenv("ANPI_DOCKER") == "" {
		t.Skip("ANPI_DOCKER is not set: nothing is tried in containers")
	}
	needs(t, "docker")
	s := &street{t: t, name: fmt.Sprintf("anpi-test-%d", os.Getpid()), compose: compose(t)}
	dir := t.TempDir()

	// Images of our own only.
	run(t, "make", "-C", root, "image", "IMAGE="+s.name)
	t.Cleanup(func() { s.try("rmi", "-f", s.name) })
	neighbours := filepath.Join(dir, "neighbours")
	build := exec.Command("go", "test", "-c", "-o", filepath.Join(neighbours, "program"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the neighbours: %v\n%s", err, out)
	}
	s.write(filepath.Join(neighbours, "Dockerfile"), "FROM scratch\nCOPY program /program\nENTRYPOINT [\"/program\"]\n")
	s.docker("build", "-t", s.name+"-neighbours", neighbours)
	t.Cleanup(func() { s.try("rmi", "-f", s.name+"-neighbours") })

	config := filepath.Join(dir, "config")
	s.write(filepath.Join(config, "anpi.toml"), `
language = "en"
timezone = "UTC"
minute = "2s"

[nextcloud]
url = "http://cloud"
user = "anpi"
password_file = "nextcloud-password"
room = "Family"

[roster]
books = [""]
organisers = ["dad"]

[mail]
from = "Anpi <anpi@example.org>"
host = "mail"
security = "none"
`)
	// Its health is looked at more often than at home.
	faster := filepath.Join(dir, "faster.yml")
	s.write(faster, "services:\n  bot:\n    healthcheck:\n      interval: 1s\n")
	s.files = []string{filepath.Join(root, "docker-compose.yml"), faster}
	s.environ = []string{
		"ANPI_IMAGE=" + s.name, "ANPI_CONTAINER=" + s.name + "-anpi", "ANPI_CONFIG=" + config,
		"ANPI_PORT=0", // any that is free
	}
	owner := os.Getuid()
	if owner == 0 {
		// To root everything is open: be somebody.
		owner = 1234
	}
	s.environ = append(s.environ, fmt.Sprintf("ANPI_USER=%d:%d", owner, owner))
	t.Cleanup(func() {
		if out, err := s.composes("down", "--volumes", "--timeout", "10"); err != nil {
			t.Errorf("compose down: %v\n%s", err, out)
		}
	})
	if out, err := s.composes("up", "--no-start"); err != nil {
		t.Fatalf("compose up: %v\n%s", err, out)
	}
	s.neighbour("mail", "mail")
	s.neighbour("nextcloud", "cloud")
	s.await(1, `^[A-Za-z0-9]{72}$`, func() string { return s.docker("logs", s.name+"-nextcloud") })
	secret := filepath.Join(config, "nextcloud-password")
	s.write(secret, s.docker("logs", s.name+"-nextcloud"))
	for _, path := range []string{config, secret, filepath.Join(config, "anpi.toml")} {
		if err := os.Chown(path, owner, -1); err != nil {
			t.Fatal(err)
		}
	}

	// The Nextcloud is not to be reached yet.
	network := s.name + "_default"
	s.docker("network", "disconnect", network, s.name+"-nextcloud")
	if out, err := s.composes("up", "--detach"); err != nil {
		t.Fatalf("compose up: %v\n%s", err, out)
	}
	s.await(1, `^Anpi waits and tries again. Nextcloud cannot be reached.`, func() string { return s.docker("logs", s.name+"-anpi") })
	s.docker("network", "connect", "--alias", "cloud", network, s.name+"-nextcloud")
	s.await(1, `^healthy$`, s.health)
	if got := s.docker("inspect", "-f", "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}", s.name+"-anpi"); got != "true [ALL]\n" {
		t.Errorf("read-only and without capabilities: %s", got)
	}

	// A check: asked, answered, and on to mail for who is silent.
	s.await(1, `^Everybody has been asked. anpi serve goes on from here.$`, func() string {
		return s.docker("exec", s.name+"-anpi", "broadcast", "check", "A strong earthquake")
	})
	s.await(1, `are you safe\? / “A strong earthquake”`, s.room)
	s.ask("nextcloud", "tap", "who=dad", "emoji=✅")
	s.await(1, `✅ safe 1: Dad`, s.room)
	s.await(1, `^grandma@example.net: .*[Aa]re you safe\?`, s.mails)
	s.ask("nextcloud", "say", "who=grandma", "text=I am safe")
	s.await(1, `✅ safe 2: Dad, Grandma`, s.room)
	s.ask("nextcloud", "say", "who=dad", "text=!close")
	s.await(1, `Dad has ended the safety check`, s.room)
	if got := s.mails(); strings.Contains(got, "dad@example.net") {
		t.Errorf("Dad has answered, and had mail:\n%s", got)
	}

	// The Nextcloud is cut off: everybody has mail at once, and the room is asked
	// when it is back.
	before := strings.Count(s.mails(), "mum@example.net")
	s.docker("network", "disconnect", network, s.name+"-nextcloud")
	s.docker("exec", s.name+"-anpi", "broadcast", "check", "Another one")
	// More than once, where this takes so long that she is asked again.
	s.await(1, fmt.Sprintf(`(?s)\A(?:.*?^mum@example.net: ){%d}`, before+1), s.mails)
	s.await(1, `^healthy$`, s.health)
	s.docker("network", "connect", "--alias", "cloud", network, s.name+"-nextcloud")
	s.await(1, `are you safe\? / “Another one”`, s.room)

	// It ends when it is told to, and keeps what it knows.
	s.docker("restart", "--time", "30", s.name+"-anpi")
	s.await(1, `^healthy$`, s.health)
	s.await(1, `^Safety check 2, started`, func() string { return s.docker("exec", s.name+"-anpi", "broadcast", "status") })
	if logs := s.docker("logs", s.name+"-anpi"); strings.Count(logs, "Anpi is stopping.") != 1 {
		t.Errorf("it was not told to stop, but killed:\n%s", logs)
	}
}

func (s *street) write(path, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// neighbour starts one of the programs of this test in a container.
func (s *street) neighbour(program, alias string) {
	s.t.Helper()
	name := s.name + "-" + program
	s.docker("run", "--detach", "--name", name, "--network", s.name+"_default", "--network-alias", alias, "-e", "ANPI_TEST_PROGRAM="+program, s.name+"-neighbours")
	s.t.Cleanup(func() { s.try("rm", "-f", name) })
}
