package setup

import (
	"context"
	"errors"
	"net"
	"net/mail"
	"os"
	"strconv"
	"strings"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/talkapi"
)

// mailAccount is the account that mail is sent from and read in.
type mailAccount struct {
	from           mail.Address
	host, security string
	port           int
	user           string
	password       talkapi.Secret
}

var (
	smtpPorts = map[string]int{"starttls": 587, "tls": 465, "none": 25}
	imapPorts = map[string]int{"tls": 993, "starttls": 143, "none": 143}
)

// askMail asks for the mail server until a mail can go out.
func (s *session) askMail(ctx context.Context) error {
	s.Say("setup.mail")
	for {
		account, err := s.askMailAccount(ctx)
		if err != nil || account == nil {
			return err
		}
		err = s.tryMail(ctx, account)
		if err == nil {
			s.mail = account
			return nil
		}
		if !s.Again("mail-host") || errors.Is(err, ask.ErrStopped) || errors.As(err, new(*ask.Mistake)) {
			return err
		}
		s.tell(err)
	}
}

// askMailAccount returns nil when no mail is wanted.
func (s *session) askMailAccount(ctx context.Context) (*mailAccount, error) {
	m := &mailAccount{}
	var err error
	m.host, err = s.Text(ctx, ask.Question{Name: "mail-host", Key: "setup.ask_mail-host", Default: s.was["mail.host"], Optional: true, Check: isHost})
	if err != nil {
		return nil, err
	}
	if m.host == "" {
		s.Say("setup.no_mail")
		if s.was["mail.host"] != "" {
			s.drop = append(s.drop, "mail")
		}
		return nil, nil
	}
	m.security, m.port, err = s.askLine(ctx, "mail", "starttls", smtpPorts)
	if err != nil {
		return nil, err
	}
	from, err := s.Text(ctx, ask.Question{Name: "mail-from", Key: "setup.ask_mail-from", Default: s.was["mail.from"], Check: func(text string) (string, error) {
		a, err := mail.ParseAddress(text)
		if err != nil {
			return "", &locale.Problem{Key: "config.want_address"}
		}
		if a.Name == "" {
			a.Name = "Anpi"
		}
		return a.Name + " <" + a.Address + ">", nil
	}})
	if err != nil {
		return nil, err
	}
	a, err := mail.ParseAddress(from)
	if err != nil {
		return nil, &locale.Problem{Key: "config.want_address", Err: err}
	}
	m.from = *a
	user := ask.Question{Name: "mail-user", Key: "setup.ask_mail-user", Default: s.was["mail.user"], Optional: true}
	if s.was["mail.host"] == "" && m.security != "none" {
		user.Suggest = m.from.Address
	}
	if m.user, err = s.Text(ctx, user); err != nil {
		return nil, err
	}
	if m.user != "" {
		if m.password, err = s.askMailPassword(ctx, m); err != nil {
			return nil, err
		}
	}
	s.set("mail.from", from)
	s.set("mail.host", m.host)
	s.setLine("mail", m.security, "starttls", m.port, smtpPorts)
	s.set("mail.user", m.user)
	if m.user == "" {
		s.set("mail.password_file", "")
	}
	return m, nil
}

// askMailPassword offers to keep the password there is, by an empty answer.
func (s *session) askMailPassword(ctx context.Context, m *mailAccount) (talkapi.Secret, error) {
	q := ask.Question{Name: "mail-password", Key: "setup.ask_mail-password", Secret: true}
	if file := s.was["mail.password_file"]; file != "" && s.was["mail.user"] == m.user && s.was["mail.host"] == m.host {
		if text, err := os.ReadFile(s.beside(file)); err == nil {
			q.Default, q.Key = strings.TrimSpace(string(text)), "setup.keep_mail-password"
		}
	}
	password, err := s.Text(ctx, q)
	if err == nil {
		s.secret("mail.password_file", "mail-password", talkapi.Secret(password))
	}
	return talkapi.Secret(password), err
}

// askLine asks how the connection to a server is protected, and for its port.
func (s *session) askLine(ctx context.Context, table, usual string, ports map[string]int) (string, int, error) {
	otherwise := s.was[table+".security"]
	if otherwise == "" {
		otherwise = usual
	}
	security, err := s.Text(ctx, ask.Question{Name: table + "-security", Key: "setup.ask_" + table + "-security", Default: otherwise, Check: ask.Pick([]string{"starttls", "tls", "none"}, false, false)})
	if err != nil {
		return "", 0, err
	}
	port := ports[security]
	if n, err := strconv.Atoi(s.was[table+".port"]); err == nil && otherwise == security {
		port = n
	}
	answer, err := s.Text(ctx, ask.Question{Name: table + "-port", Key: "setup.ask_" + table + "-port", Default: strconv.Itoa(port), Check: func(text string) (string, error) {
		if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 65535 {
			return "", &locale.Problem{Key: "setup.bad_port"}
		}
		return text, nil
	}})
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(answer)
	return security, port, err
}

// setLine notes what is not as usual.
func (s *session) setLine(table, security, usual string, port int, ports map[string]int) {
	if s.was[table+".security"] == "" && security == usual {
		security = ""
	}
	s.set(table+".security", security)
	number := strconv.Itoa(port)
	switch {
	case s.was[table+".port"] == number:
	case port == ports[usual] && security == "" || port == ports[security]:
		s.set(table+".port", "")
	default:
		s.setNumber(table+".port", port)
	}
}

func isHost(text string) (string, error) {
	if strings.ContainsAny(text, ":/@ ") && net.ParseIP(text) == nil {
		return "", &locale.Problem{Key: "config.want_host"}
	}
	return text, nil
}

// tryMail logs in to the server, and mails somebody who wants to see that it
// arrives.
func (s *session) tryMail(ctx context.Context, m *mailAccount) error {
	options := email.Options{
		Relays: []email.Relay{{Host: m.host, Port: m.port, Security: email.Security(m.security), User: m.user, Password: email.Secret(m.password.Reveal())}},
		From:   m.from, Language: s.lang, Location: s.zone, Dial: s.DialMail,
	}
	found, err := email.CheckRelays(ctx, options)
	if err != nil {
		return &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": err}, Err: err}
	}
	for _, f := range found {
		if f.Grade == email.Bad {
			return &told{text: f.Text(s.Texts), err: f.Err}
		}
	}
	s.Say("setup.mail_works", locale.Data{"Host": m.host})
	var to string
	for _, member := range s.members.Members {
		if member.Organiser && to == "" && len(member.Emails) > 0 {
			to = member.Emails[0]
		}
	}
	to, err = s.Text(ctx, ask.Question{Name: "mail-test", Key: "setup.ask_mail-test", Suggest: to, Optional: true})
	if err != nil || to == "" {
		return err
	}
	channel, err := email.New(options)
	if err != nil {
		return &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": err}, Err: err}
	}
	err = channel.Trial(ctx, to, s.Texts.T("setup.test_subject"), s.Texts.T("setup.test_text")+"\n")
	failure := new(broadcast.Failure)
	if errors.As(err, &failure) {
		return &told{text: s.Texts.Reason(failure.Reason), err: err}
	}
	s.Say("setup.mail_sent", locale.Data{"To": to})
	return nil
}

// told is an error that is worded already.
type told struct {
	text string
	err  error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.err }

// askInbox asks for the server that replies are read from.
func (s *session) askInbox(ctx context.Context) error {
	if s.mail == nil || s.mail.user == "" {
		if s.was["inbox.host"] != "" && s.was["inbox.user"] == "" {
			// It went by the account of the mail.
			s.drop = append(s.drop, "inbox")
		}
		return nil
	}
	for {
		host, err := s.Text(ctx, ask.Question{Name: "inbox-host", Key: "setup.ask_inbox-host", Default: s.was["inbox.host"], Optional: true, Check: isHost})
		if err != nil {
			return err
		}
		if host == "" {
			if s.was["inbox.host"] != "" {
				s.drop = append(s.drop, "inbox")
			}
			return nil
		}
		security, port, err := s.askLine(ctx, "inbox", "tls", imapPorts)
		if err != nil {
			return err
		}
		user, password := s.mail.user, s.mail.password
		if u := s.was["inbox.user"]; u != "" {
			user = u
			if text, err := os.ReadFile(s.beside(s.was["inbox.password_file"])); err == nil {
				password = talkapi.Secret(strings.TrimSpace(string(text)))
			}
		}
		box, err := inbox.New(inbox.Options{
			Host: host, Port: port, Security: email.Security(security), User: user, Password: email.Secret(password.Reveal()), Mailbox: s.was["inbox.mailbox"], Dial: s.DialInbox,
		}, nil)
		if err == nil {
			_, err = box.Check(ctx)
		}
		if err == nil {
			s.Say("setup.inbox_works", locale.Data{"Host": host})
			s.set("inbox.host", host)
			s.setLine("inbox", security, "tls", port, imapPorts)
			return nil
		}
		err = &locale.Problem{Key: "setup.inbox_failed", Data: locale.Data{"Host": host, "Detail": locale.OneLine(err.Error(), 200)}, Err: err}
		if !s.Again("inbox-host") {
			return err
		}
		s.tell(err)
	}
}
