package letter

import (
	"regexp"
	"slices"
	"strings"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

var (
	// daemon is who sends bounces.
	daemon = regexp.MustCompile(`(?i)^(?:mailer-daemon|postmaster|mail-daemon|mailerdaemon|microsoftexchange[0-9a-f]*|double-bounce)$`)
	// returnedSubject is what their subjects say.
	returnedSubject = regexp.MustCompile(`(?i)undeliver|delivery (?:status notification|failure|has failed|report)|returned mail|failure notice|mail delivery (?:failed|system|subsystem|failure)|mail system error|delivery notification|could not be delivered|user unknown|^warning: |delayed mail|` +
		`配信不能|配信(?:できません|に失敗|エラー|の遅延)|送信(?:できません|エラー)|未達|不達|エラー(?:メール|通知)|宛先不明|届きませんでした`)
	// returnedText is how their texts begin.
	returnedText = regexp.MustCompile(`(?i)this is the (?:qmail|mail system|postfix|mail delivery)|the following address(?:es)? (?:failed|had)|your message (?:did not reach|wasn'?t delivered|could not be delivered)|could not be delivered to|delivery to the following recipients? (?:failed|has)|the original message was received at|` +
		`以下の(?:宛先|アドレス|受信者)|次の(?:宛先|アドレス|受信者)|メールを(?:お届け|配信|送信)(?:することが)?でき|配信できません|届けることができません`)
)

// bounces reports whether the mail tells that another did not arrive.
func bounces(h header, c contents, m Mail) bool {
	_, params := mediaType(h.get("Content-Type"))
	report := strings.ToLower(params["report-type"])
	if c.status != nil || report == "delivery-status" || h.has("X-Failed-Recipients") {
		return true
	}
	if report != "" {
		return false
	}
	local, _, _ := strings.Cut(m.From.Address, "@")
	// Systems that write plain text say in two ways what they are. A mailbox may
	// have lost the address that a person's reply is to be returned to.
	said := returnedSubject.MatchString(m.Subject) || returnedText.MatchString(opening(c.text()))
	nobodys := h.word("Return-Path") == "<>" && !replyPrefix.MatchString(m.Subject)
	return said && (daemon.MatchString(local) || nobodys)
}

// opening is the beginning of a text, before the mail that it may quote.
func opening(text string) string {
	return text[:min(len(text), 4<<10)]
}

// failed reads what the bounce is about.
func failed(h header, c contents, m Mail) Failed {
	var f Failed
	if i := slices.IndexFunc(c.status, isFailed); i >= 0 {
		f = fromStatus(c.status[i])
	} else if i := slices.IndexFunc(c.status, func(g header) bool { return g.has("Final-Recipient") || g.has("Action") }); i >= 0 {
		f = fromStatus(c.status[i])
	} else {
		f = fromText(h, m.Subject, c.text())
	}
	f.OriginalID = originalID(c, m)
	return f
}

func isFailed(g header) bool {
	return strings.EqualFold(strings.TrimSpace(g.get("Action")), "failed")
}

// fromStatus reads the group of one recipient (RFC 3464, section 2.3).
func fromStatus(g header) Failed {
	recipient := g.get("Original-Recipient")
	if recipient == "" {
		recipient = g.get("Final-Recipient")
	}
	_, diagnostic, ok := strings.Cut(g.get("Diagnostic-Code"), ";")
	if !ok {
		diagnostic = g.get("Diagnostic-Code")
	}
	f := Failed{
		Recipient:  first(addresses(afterType(recipient))),
		Status:     enhanced.FindString(g.get("Status")),
		Diagnostic: oneLine(diagnostic),
	}
	action := strings.ToLower(strings.TrimSpace(g.get("Action")))
	f.Permanent = action == "failed" || action == "" && strings.HasPrefix(f.Status, "5")
	return f
}

// afterType is the address in a field such as "rfc822; a@example.org".
func afterType(s string) string {
	if _, address, ok := strings.Cut(s, ";"); ok {
		return address
	}
	return s
}

func oneLine(s string) string { return locale.OneLine(decodeWords(strings.TrimSpace(s)), 200) }

var (
	enhanced = regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`)
	// reply is a line in which a server speaks.
	reply = regexp.MustCompile(`(?i)(?:^|[\s:;<(#])([45]\d\d)(?:[ -]#?([45]\.\d{1,3}\.\d{1,3}))?[ -]`)
	late  = regexp.MustCompile(`(?i)\bdelay|still being retried|will (?:be retried|keep trying|retry|continue)|will be retried|you do not need to resend|not yet been delivered|temporar|transient|遅延|再送(?:を|し)|配信を続け|あとでもう一度`)
	// never is what is said about an address that will not work later either.
	never = regexp.MustCompile(`(?i)user unknown|unknown user|no such (?:user|address|mailbox|recipient)|not (?:found|exist)|doesn'?t exist|does not exist|permanent|unrouteable|undeliverable|invalid (?:recipient|address|mailbox)|mailbox (?:unavailable|full|not)|disabled|i'?ve given up|giving up|rejected|did not reach|wasn'?t delivered|could not be delivered|failed|` +
		`見つかりません|存在し(?:ません|ない)|宛先不明|配信不能|配信できません|お届けできません|送信できません|届きませんでした|失敗|受信(?:を)?拒否`)
	// returnedMark stands above the returned mail.
	returnedMark = regexp.MustCompile(`(?im)^.{0,20}(?:below this line is a copy|original (?:message|mail)(?: headers?)?(?: follows?| ----|:|$)|this is a copy of (?:the|your) message|unsent message follows|message headers? follow|元のメッセージ|オリジナルメッセージ|送信(?:された)?メール|returned message).*$`)
	messageID    = regexp.MustCompile(`(?im)^[ \t>]*Message-ID:\s*<([^<>\s]{1,250})>`)
)

// fromText reads a bounce that only people were meant to read.
func fromText(h header, subject, text string) Failed {
	said := opening(text)
	if at := returnedMark.FindStringIndex(said); at != nil {
		said = said[:at[0]]
	}
	f := Failed{Recipient: first(addresses(h.get("X-Failed-Recipients"))), Status: enhanced.FindString(said)}
	own := h.recipients()
	if f.Recipient == "" {
		for _, a := range addresses(said) {
			// Not the sender's own, which is often named, too.
			if local, _, _ := strings.Cut(a, "@"); !slices.ContainsFunc(own, func(o string) bool { return strings.EqualFold(o, a) }) && !daemon.MatchString(local) {
				f.Recipient = a
				break
			}
		}
	}
	for _, line := range strings.Split(said, "\n") {
		if m := reply.FindStringSubmatch(line); m != nil {
			f.Diagnostic = oneLine(line)
			f.Permanent = m[1][0] == '5' || strings.HasPrefix(m[2], "5")
			break
		}
	}
	if f.Diagnostic == "" {
		// What is said below the address is about it.
		_, below, _ := strings.Cut(said, f.Recipient)
		for _, line := range append(strings.Split(below, "\n"), strings.Split(said, "\n")...) {
			if never.MatchString(line) {
				f.Diagnostic = oneLine(line)
				break
			}
		}
	}
	if !f.Permanent {
		f.Permanent = never.MatchString(said)
	}
	if late.MatchString(subject) || late.MatchString(said) && !strings.HasPrefix(f.Status, "5") && !gaveUp.MatchString(said) {
		f.Permanent = false
	}
	return f
}

// gaveUp is said about a mail that was late for too long.
var gaveUp = regexp.MustCompile(`(?i)given up|giving up|too long|expired|retry time(?:out)? (?:exceeded|expired)|期限`)

// originalID finds the mail that came back: in its returned header, else in the
// text that holds it, else by what the bounce replies to.
func originalID(c contents, m Mail) string {
	if id := first(ids(c.returned.get("Message-Id"))); id != "" {
		return id
	}
	for _, text := range append(slices.Clone(c.plain), c.html...) {
		if found := messageID.FindStringSubmatch(text); found != nil {
			return found[1]
		}
	}
	if len(m.InReplyTo) > 0 {
		return m.InReplyTo[0]
	}
	if n := len(m.References); n > 0 {
		return m.References[n-1]
	}
	return ""
}
