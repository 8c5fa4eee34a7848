package roster_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/roster/rostertest"
)

// An account on a CardDAV server whose address books a test may write.
type account struct {
	url, home, user, password string
	transport                 http.RoundTripper
}

func TestSourceOnTheTestServer(t *testing.T) {
	url, stop, err := rostertest.New("anpi", "secret").Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	followABook(t, account{url: url, home: "/remote.php/dav/addressbooks/users/anpi/", user: "anpi", password: "secret"})
}

func TestSourceOnRadicale(t *testing.T) {
	program, err := exec.LookPath("radicale")
	if err != nil {
		if strings.Contains(os.Getenv("REQUIRED_TEST_TOOLS"), "radicale") {
			t.Fatal("radicale is required here and not installed")
		}
		t.Skip("radicale is not installed (apt-get install radicale), so the source meets no foreign server")
	}
	followABook(t, startRadicale(t, program))
}

// TestSourceOnNextcloud runs against the Nextcloud at ANPI_TEST_CARDDAV_URL, in
// a book that it makes and deletes.
func TestSourceOnNextcloud(t *testing.T) {
	url, user := os.Getenv("ANPI_TEST_CARDDAV_URL"), os.Getenv("ANPI_TEST_CARDDAV_USER")
	if url == "" {
		t.Skip("ANPI_TEST_CARDDAV_URL (and _USER, _PASSWORD) name no Nextcloud to test against")
	}
	followABook(t, account{url: url, home: "/remote.php/dav/addressbooks/users/" + user + "/", user: user, password: os.Getenv("ANPI_TEST_CARDDAV_PASSWORD")})
}

// followABook is what every server must allow: a book is found, read, followed
// through changes and deletions, and read again in full.
func followABook(t *testing.T, a account) {
	const uri = "anpi-test"
	a.write(t, "MKCOL", uri+"/", `<d:mkcol xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"><d:set><d:prop><d:resourcetype><d:collection/><c:addressbook/></d:resourcetype><d:displayname>家族 Family</d:displayname></d:prop></d:set></d:mkcol>`)
	t.Cleanup(func() { a.send(t, "DELETE", uri+"/", "") })
	put := func(name string, lines ...string) {
		a.write(t, "PUT", uri+"/"+name+".vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\n"+strings.Join(lines, "\r\n")+"\r\nEND:VCARD\r\n")
	}
	for i := range 60 {
		put(fmt.Sprintf("n%d", i), fmt.Sprintf("UID:n%d", i), fmt.Sprintf("FN:Neighbour %d", i), fmt.Sprintf("N:%d;Neighbour;;;", i))
	}
	put("%E3%81%8A%20%E3%81%B0", "UID:oba-1", "FN:おばあちゃん", "N:山田;花子;;;", "EMAIL;TYPE=HOME:a..b@docomo.example", "EMAIL;TYPE=WORK,PREF:oba@work.example", "CATEGORIES:家族,tokyo\\,east")

	src, err := roster.NewSource(roster.Options{URL: a.url, User: a.user, Password: roster.Secret(a.password), Transport: a.transport, Books: []string{"家族Family"}})
	if err != nil {
		t.Fatal(err)
	}
	var state roster.State
	now := monday
	sync := func() roster.Roster {
		t.Helper()
		if state, err = src.Sync(t.Context(), state, now); err != nil {
			t.Fatal(err)
		}
		r := roster.Build(state, roster.Rules{})
		if len(r.Warnings) > 0 {
			t.Errorf("warnings: %v", r.Warnings)
		}
		return r
	}
	r := sync()
	oba, _ := r.ByID("card:oba-1")
	got := fmt.Sprintf("%d members; %s %q %q", len(r.Members), oba.Name, oba.Emails, oba.Groups)
	if want := `61 members; おばあちゃん ["oba@work.example" "a..b@docomo.example"] ["家族" "tokyo,east"]`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	a.write(t, "DELETE", uri+"/n7.vcf", "")
	put("n8", "UID:n8", "FN:Neighbour Eight", "N:Eight;Neighbour;;;")
	put("new", "UID:new", "FN:New", "N:New;;;;")
	r = sync()
	_, seven := r.ByID("card:n7")
	eight, _ := r.ByID("card:n8")
	if len(r.Members) != 61 || seven || eight.Name != "Neighbour Eight" {
		t.Errorf("after changes: %d members, seven is there: %v, eight is %q", len(r.Members), seven, eight.Name)
	}

	// A token of another server, and a day later.
	state.Books[0].Token += "999"
	a.write(t, "DELETE", uri+"/n9.vcf", "")
	if r = sync(); len(r.Members) != 60 {
		t.Errorf("with a wrong token: %d members, want 60", len(r.Members))
	}
	now = now.Add(25 * time.Hour)
	if r = sync(); len(r.Members) != 60 {
		t.Errorf("a day later: %d members, want 60", len(r.Members))
	}
}

func (a account) write(t *testing.T, method, path, body string) {
	t.Helper()
	if status := a.send(t, method, path, body); status/100 != 2 {
		t.Fatalf("%s %s: status %d", method, path, status)
	}
}

func (a account) send(t *testing.T, method, path, body string) int {
	t.Helper()
	// t.Context is over when the clean-up runs.
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, strings.TrimSuffix(a.url, "/")+a.home+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(a.user, a.password)
	req.Header.Set("Content-Type", "text/vcard; charset=utf-8")
	if method == "MKCOL" {
		req.Header.Set("Content-Type", "application/xml; charset=utf-8")
	}
	resp, err := (&http.Client{Transport: a.transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// startRadicale runs the server on loopback, in a folder of its own, until the
// test is over.
func startRadicale(t *testing.T, program string) account {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	config := fmt.Sprintf("[server]\nhosts = %s\n[auth]\ntype = htpasswd\nhtpasswd_filename = %s\nhtpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = %s\n", address, filepath.Join(dir, "users"), filepath.Join(dir, "data"))
	for name, text := range map[string]string{"config": config, "users": "anpi:secret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "--config", filepath.Join(dir, "config"))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("radicale:\n%s", log.String())
		}
	})
	deadline := time.After(time.Minute)
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			break
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("radicale ended: %v\n%s", err, log.String())
		case <-deadline:
			t.Fatal("radicale does not listen")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return account{url: "http://" + address, home: "/anpi/", user: "anpi", password: "secret"}
}
