package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/roster/rostertest"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// cloud is a Nextcloud at one address. What happens behind the scenes is asked
// of it under /behind/.
type cloud struct {
	talk *talktest.Server
	dav  *rostertest.Server

	mu       sync.Mutex
	people   map[string]*talktest.User
	mails    map[string]string // addresses by account
	settings map[string]string // of apps
	room     string            // the family's
	rooms    int
	book     bool     // anpi has an address book
	commands []string // of occ
	// fails is the number of the command of occ at which everything breaks off;
	// zero is none.
	fails int
}

// newCloud makes a Nextcloud on its first day: with the account admin.
func newCloud() *cloud {
	c := &cloud{talk: talktest.NewServer(talktest.Options{}), people: map[string]*talktest.User{}, mails: map[string]string{}, settings: map[string]string{}}
	c.people["admin"] = c.talk.AddUser("admin", "admin", talktest.UserOptions{Admin: true})
	return c
}

// ServeHTTP is the address.
func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/behind/occ":
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out, err := c.occ(r.PostForm)
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		io.WriteString(w, out)
	case path == "/behind/room":
		for _, m := range c.talk.Messages(c.room) {
			if m.Actor == "anpi" && m.System == "" && !m.Deleted {
				fmt.Fprintln(w, strings.ReplaceAll(m.Text, "\n", " / "))
			}
		}
	case path == "/behind/tap":
		for _, m := range slices.Backward(c.talk.Messages(c.room)) {
			if emoji := r.URL.Query().Get("emoji"); m.Actor == "anpi" && len(m.Reactions[emoji]) > 0 {
				c.people[r.URL.Query().Get("who")].React(c.room, m.ID, emoji)
				return
			}
		}
		http.Error(w, "there is nothing to tap under", http.StatusTeapot)
	case path == "/behind/say":
		c.people[r.URL.Query().Get("who")].Say(c.room, r.URL.Query().Get("text"))
	case strings.HasPrefix(path, "/remote.php/"), strings.HasPrefix(path, "/.well-known/"):
		c.mu.Lock()
		dav := c.dav
		c.mu.Unlock()
		if dav == nil {
			http.Error(w, "nobody has logged in yet", http.StatusUnauthorized)
			return
		}
		dav.ServeHTTP(w, r)
	default:
		c.talk.ServeHTTP(w, r)
	}
}

// breakOff makes everything break off at the command of occ of that number; zero
// mends it. It forgets the commands so far.
func (c *cloud) breakOff(at int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commands, c.fails = nil, at
}

// called returns the commands of occ since the start, or since the last breakOff.
func (c *cloud) called() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.commands)
}

// mail is the address of an account.
func (c *cloud) mail(who string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mails[who]
}

func (c *cloud) setMail(who, address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mails[who] = address
}

// setting is one of an app, such as "spreed create_samples".
func (c *cloud) setting(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settings[name]
}

func (c *cloud) set(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings[name] = value
}

// made counts the rooms that were made.
func (c *cloud) made() (rooms int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rooms
}

// welcome shows an account around, as Talk does with each on its first day: in a
// group room of its own.
func (c *cloud) welcome(who string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.talk.Welcome(c.people[who])
}

// stub calls occ below with its words and the passwords in its environment.
const stub = `#!/bin/sh
for word; do
	set -- "$@" --data-urlencode "word=$word"
	shift
done
exec curl --silent --show-error --fail --data-urlencode "OC_PASS=$OC_PASS" --data-urlencode "NC_PASS=$NC_PASS" "$@" "$NEXTCLOUD_URL/behind/occ"
`

// occ does what the command of the same name does, as far as the household needs
// it. Its errors are those that occ ends with status 1 for.
func (c *cloud) occ(call url.Values) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	words := slices.DeleteFunc(call["word"], func(a string) bool { return a == "--no-interaction" })
	c.commands = append(c.commands, strings.Join(words, " "))
	if c.fails != 0 && len(c.commands) >= c.fails {
		return "", errors.New("killed")
	}
	last := words[len(words)-1]
	switch words[0] {
	case "app:enable", "background:cron":
		return "", nil
	case "config:app:get":
		value, ok := c.settings[words[1]+" "+last]
		if !ok {
			return "", errors.New("there is no such setting")
		}
		return value + "\n", nil
	case "config:app:set":
		c.settings[words[1]+" "+words[2]] = words[slices.Index(words, "--value")+1]
		return "", nil
	case "dav:list-addressbooks":
		if !c.book {
			return "User <" + last + "> has no addressbooks\n", nil
		}
		return "+----------+----------+\n| contacts | contacts |\n+----------+----------+\n", nil
	case "dav:create-addressbook":
		if words[1] != "anpi" || c.book {
			return "", errors.New("the book exists, or is nobody's")
		}
		c.book = true
		c.dav.AddBook(last, last)
		return "", nil
	case "user:info":
		if c.people[last] == nil {
			return "", errors.New("user not found")
		}
		return "", nil
	case "user:add":
		if c.people[last] != nil || len(call.Get("OC_PASS")) < 20 {
			return "", fmt.Errorf("the account %s exists, or its password is too short", last)
		}
		name := words[slices.Index(words, "--display-name")+1]
		u := c.talk.AddUser(last, name, talktest.UserOptions{Password: call.Get("OC_PASS")})
		c.people[last] = u
		if last == "anpi" {
			c.dav = rostertest.New("anpi", u.AppPassword())
			// A book of its own comes with the first login in a browser only.
			c.dav.RemoveBook("contacts")
		}
		c.dav.AddAccount(last, name, "")
		if c.settings["spreed create_samples"] != "false" {
			c.talk.Welcome(u)
		}
		return "", nil
	case "user:setting":
		who, key := words[1], words[3]
		switch {
		case len(words) == 4 && c.mails[who] == "":
			return "", errors.New("the setting does not exist")
		case len(words) == 4:
			return c.mails[who], nil
		case key == "email":
			c.mails[who] = last
			c.dav.AddAccount(who, c.people[who].Name, last)
		}
		return "", nil
	case "user:auth-tokens:add":
		if call.Get("NC_PASS") != c.people[last].AccountPassword() {
			return "", errors.New("wrong password")
		}
		return "app password:\n" + c.people[last].AppPassword() + "\n", nil
	case "talk:room:create":
		var members []*talktest.User
		for i, w := range words {
			if w == "--user" {
				members = append(members, c.people[words[i+1]])
			}
		}
		c.room = c.talk.AddGroup(words[1], members...)
		c.rooms++
		return "", nil
	}
	return "", fmt.Errorf("there is no command %q", words[0])
}

// ask asks what is going on in the container that it runs in: a path, and the
// values of its query.
func ask(args []string) int {
	query := url.Values{}
	for _, a := range args[1:] {
		key, value, _ := strings.Cut(a, "=")
		query.Set(key, value)
	}
	return show(http.Get("http://localhost/behind/" + args[0] + "?" + query.Encode()))
}

// show prints an answer; the exit status says whether it is a good one.
func show(answer *http.Response, err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer answer.Body.Close()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

// runNextcloud is a Nextcloud in a container, with a family and the app
// password of Anpi's account on its output.
func runNextcloud([]string) int {
	c := newCloud()
	var all []*talktest.User
	for _, p := range []struct{ id, name, mail string }{
		{"anpi", "Anpi", ""}, {"dad", "Dad", "dad@example.net"}, {"mum", "Mum", "mum@example.net"}, {"grandma", "Grandma", "grandma@example.net"},
	} {
		u := c.talk.AddUser(p.id, p.name, talktest.UserOptions{Email: p.mail})
		if p.id == "anpi" {
			c.dav = rostertest.New("anpi", u.AppPassword())
			fmt.Println(u.AppPassword())
		}
		c.dav.AddAccount(p.id, p.name, p.mail)
		c.people[p.id] = u
		all = append(all, u)
	}
	c.room = c.talk.AddGroup("Family", all...)
	return report(http.ListenAndServe(":80", c))
}

// runMail is a mail server in a container. Who had which mail is asked of it
// under /behind/mails.
func runMail([]string) int {
	server := emailtest.NewServer(emailtest.Options{NoTLS: true})
	listener, err := net.Listen("tcp", ":25")
	if err != nil {
		return report(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go carry(conn, server)
		}
	}()
	return report(http.ListenAndServe(":80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, m := range server.Mails() {
			fmt.Fprintf(w, "%s: %s\n", strings.Join(m.To, ", "), m.Subject)
		}
	})))
}

// carry joins a connection to the server in memory.
func carry(conn net.Conn, server *emailtest.Server) {
	defer conn.Close()
	there, err := server.Dial(context.Background(), "tcp", "mail")
	if err != nil {
		return
	}
	defer there.Close()
	go func() {
		io.Copy(there, conn)
		there.Close()
	}()
	io.Copy(conn, there)
}

func report(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}
