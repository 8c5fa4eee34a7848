package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/talkapi"
)

// schedules are the usual times of a drill, by name.
var schedules = []struct{ name, cron string }{
	{"monthly", "0 9 1 * *"},
	{"quarterly", "0 9 1 1,4,7,10 *"},
	{"yearly", "0 10 1 9 *"}, // the day of disaster prevention in Japan
}

// askDrill asks when to practise.
func (s *session) askDrill(ctx context.Context) error {
	if s.was["drill.1.name"] != "" {
		if _, given := s.Given["drill"]; !given {
			s.Say("setup.many_drills", locale.Data{"Path": s.Path})
			return nil
		}
	}
	otherwise := schedules[0].name
	was := s.was["drill.0.cron"]
	if was != "" {
		otherwise = was
	}
	names := []string{}
	for _, x := range schedules {
		names = append(names, x.name)
		if was == x.cron {
			otherwise = x.name
		}
	}
	s.Say("setup.drills")
	s.list([]string{s.Texts.T("setup.drill_monthly"), s.Texts.T("setup.drill_quarterly"), s.Texts.T("setup.drill_yearly")})
	answer, err := s.Text(ctx, ask.Question{Name: "drill", Key: "setup.ask_drill", Default: otherwise, Check: func(text string) (string, error) {
		text, err := ask.Pick(append(names, "none"), false, true)(text)
		if err != nil || slices.Contains(names, text) || text == "none" {
			return text, err
		}
		return config.Schedule(text)
	}})
	if err != nil {
		return err
	}
	if answer == "none" {
		if was != "" {
			s.drop = append(s.drop, "drill.0")
		}
		return nil
	}
	name, expression := s.was["drill.0.name"], answer
	for _, x := range schedules {
		if x.name == answer {
			expression = x.cron
		}
	}
	if name == "" || slices.Contains(names, name) && was != expression {
		name = "drill"
		if slices.Contains(names, answer) {
			name = answer
		}
	}
	s.set("drill.0.name", name)
	s.set("drill.0.cron", expression)
	return nil
}

// askWrite is the last chance to leave everything as it is.
func (s *session) askWrite(ctx context.Context) error {
	people := len(s.members.Members)
	s.Say("setup.summary", locale.Data{"Count": people, "Number": people, "Room": s.room.name, "User": s.me.ID, "URL": s.url})
	yes, err := s.Yes(ctx, ask.Question{Name: "write", Key: "setup.ask_write", Data: locale.Data{"Path": s.Path}}, true)
	if err == nil && !yes {
		err = ask.ErrStopped
	}
	return err
}

// secretFile is a password that gets a file of its own.
type secretFile struct {
	key, name string // the setting, and how the file is called if nothing else is
	value     talkapi.Secret
}

// secret plans to write a password; the last one for a setting counts.
func (s *session) secret(key, name string, value talkapi.Secret) {
	s.secrets = slices.DeleteFunc(s.secrets, func(f secretFile) bool { return f.key == key })
	s.secrets = append(s.secrets, secretFile{key, name, value})
}

// write writes the passwords into new files, then the configuration that names
// them: until that one has its name, the old configuration holds with the old
// passwords, whenever the power fails.
func (s *session) write() (err error) {
	folder := filepath.Dir(s.Path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return s.unwritable(folder, err)
	}
	var made, old []string
	defer func() {
		if err != nil {
			old = made
		}
		for _, path := range old {
			_ = os.Remove(path) // one too many does no harm
		}
	}()
	for _, f := range s.secrets {
		if text, err := os.ReadFile(s.beside(s.was[f.key])); err == nil && strings.TrimSpace(string(text)) == f.value.Reveal() {
			continue // it is there already
		}
		name, err := s.newFile(folder, f)
		if err != nil {
			return err
		}
		made = append(made, filepath.Join(folder, name))
		if before := s.was[f.key]; before != "" && !filepath.IsAbs(before) {
			old = append(old, filepath.Join(folder, before))
		}
		s.set(f.key, name)
	}
	text := s.text
	for _, table := range s.drop {
		text = config.RemoveTable(text, table)
	}
	text = config.Edit(text, s.settings)
	if err := config.Check(s.Path, text, s.Environ); err != nil {
		return err
	}
	if text == s.text {
		return nil
	}
	if err := replace(s.Path, []byte(text)); err != nil {
		return s.unwritable(s.Path, err)
	}
	return nil
}

// newFile writes a password into a file that was not there.
func (s *session) newFile(folder string, f secretFile) (string, error) {
	for n := 1; ; n++ {
		name := f.name
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		path := filepath.Join(folder, name)
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", s.unwritable(path, err)
		}
		_, err = file.WriteString(f.value.Reveal() + "\n")
		if err = errors.Join(err, own(file, folder), file.Sync(), file.Close()); err != nil {
			return "", errors.Join(s.unwritable(path, err), os.Remove(path))
		}
		return name, nil
	}
}

func (s *session) unwritable(path string, err error) error {
	detail := err
	if wrong := new(fs.PathError); errors.As(err, &wrong) {
		detail = wrong.Err
	}
	return &locale.Problem{Key: "setup.unwritable", Data: locale.Data{"Path": path, "Detail": detail.Error()}, Err: err}
}

// replace puts a file into its place as a whole, for its owner alone.
func replace(path string, body []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".anpi-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already when all went well
	like := path
	if _, err := os.Stat(path); err != nil {
		like = filepath.Dir(path)
	}
	_, err = file.Write(body)
	if err = errors.Join(err, file.Chmod(0o600), own(file, like), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("keep the name of the file: %w", err)
	}
	// Some file systems can't sync a folder; then the name is safe a little later.
	_ = folder.Sync()
	return folder.Close()
}

// own gives a file that root writes to whom the file or folder beside it belongs
// to: a service that may read the one must read the other.
func own(file *os.File, like string) error {
	info, err := os.Stat(like)
	if err != nil || os.Getuid() != 0 {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return file.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// askTest offers a message to one person in Talk, to see Anpi speak.
func (s *session) askTest(ctx context.Context) error {
	var to string
	for _, m := range s.members.Members {
		if m.Organiser && to == "" {
			to = m.Talk
		}
	}
	to, err := s.Text(ctx, ask.Question{Name: "test-to", Key: "setup.ask_test-to", Suggest: to, Optional: true, Check: pickMembers(s.members.Members, false)})
	if err != nil || to == "" {
		return err
	}
	direct, err := s.client.OneToOne(ctx, to)
	if err == nil {
		_, err = s.client.Send(ctx, direct.Token, talkapi.Post{Text: s.Texts.T("setup.test_text")})
	}
	if err != nil {
		return &locale.Problem{Key: "setup.test_failed", Data: locale.Data{"User": to, "Reason": s.problem(err)}, Err: err}
	}
	s.Say("setup.test_sent", locale.Data{"User": to})
	return nil
}
