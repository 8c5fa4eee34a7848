package invite

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/qrcode"
)

//go:embed sheet.html
var page string

var sheet = template.Must(template.New("sheet").Parse(page))

// writeSheet writes the page to print and the picture alone, for their owner
// only. Both appear whole or not at all.
func (s *session) writeSheet(code qrcode.Code) ([]string, error) {
	t := locale.For(s.member.Language, time.UTC)
	picture := code.PNG(8)
	var b bytes.Buffer
	host := s.server
	if u, err := url.Parse(s.server); err == nil {
		host = u.Host + u.Path
	}
	name := locale.OneLine(s.Name, 60)
	err := sheet.Execute(&b, map[string]any{
		"Lang": t.Lang, "Title": t.T("invite.sheet_title", locale.Data{"Name": name}),
		"Intro": t.T("invite.sheet_intro"),
		"Steps": []map[string]string{
			{"Title": t.T("invite.sheet_install"), "Text": t.T("invite.sheet_install_how")},
			{"Title": t.T("invite.sheet_scan"), "Text": t.T("invite.sheet_scan_how")},
			{"Title": t.T("invite.sheet_hello", locale.Data{"Room": locale.OneLine(s.Config.Nextcloud.Room, 40)}), "Text": t.T("invite.sheet_hello_how")},
		},
		"Code": template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)),
		"Alt":  t.T("invite.sheet_code"), "Host": host,
		"Key": t.T("invite.sheet_key"), "Contact": locale.OneLine(s.Config.Contact, 100), "Call": t.T("invite.sheet_call"),
	})
	if err != nil {
		return nil, err
	}
	base := filepath.Join(s.Folder, "anpi-"+s.member.ID)
	paths := []string{base + ".html", base + ".png"}
	for i, body := range [][]byte{b.Bytes(), picture} {
		if err := writeFile(paths[i], body); err != nil {
			reason := err
			if wrong := new(fs.PathError); errors.As(err, &wrong) {
				reason = wrong.Err
			}
			for _, path := range paths[:i] {
				_ = os.Remove(path) // its key is taken back, so it opens nothing
			}
			return nil, &locale.Problem{Key: "invite.unwritable", Data: locale.Data{"Path": paths[i], "Detail": reason.Error()}, Err: err}
		}
	}
	return paths, nil
}

// writeFile puts a file into its place as a whole.
func writeFile(path string, body []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".anpi-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already when all went well
	_, err = file.Write(body)
	if err = errors.Join(err, file.Chmod(0o600), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
