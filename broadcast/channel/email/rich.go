package email

import (
	"html/template"
	"strings"

	"github.com/anpi-bot/anpi/broadcast"
)

// rich lays the text of a mail out in HTML: the same words in the same order,
// with the link to the answer page as a big button. It loads nothing, so that a
// mail says to nobody that it was read. Only links that Anpi made can be
// pressed: whatever else people wrote stays text.
func rich(w broadcast.Words, m broadcast.Message, subject, text string) (string, error) {
	page := richPage{Lang: w.Lang, Subject: subject}
	answer := w.AnswerLink(m)
	place := ""
	if m.Answer.Place != nil {
		place = m.Answer.Place.Map()
	}
	for paragraph := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n\n") {
		var lines []richLine
		for line := range strings.SplitSeq(paragraph, "\n") {
			switch before, found := strings.CutSuffix(line, place); {
			case answer != "" && line == answer:
				lines = append(lines, richLine{Link: answer, Text: w.T("mail.button"), Button: true})
			case place != "" && found:
				lines = append(lines, richLine{Text: before}, richLine{Link: place, Text: place})
			default:
				lines = append(lines, richLine{Text: line})
			}
		}
		page.Paragraphs = append(page.Paragraphs, lines)
	}
	var b strings.Builder
	err := richTemplate.Execute(&b, page)
	return b.String(), err
}

type richPage struct {
	Lang, Subject string
	Paragraphs    [][]richLine
}

// richLine is a line of text, or a link with its text.
type richLine struct {
	Text, Link string
	Button     bool
}

// Mail programs know little HTML. No colour is set but that of the button, both
// of its sides, so that light and dark screens show the rest as their owner
// likes it; the button is a table cell, because some heed no padding on links.
var richTemplate = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{.Subject}}</title>
</head>
<body lang="{{.Lang}}" style="margin:0;padding:16px;font-family:sans-serif;font-size:18px;line-height:1.6">
<div style="max-width:600px;margin:0 auto;overflow-wrap:anywhere">
{{- range .Paragraphs}}
<div style="margin:0 0 1.2em">
{{- range .}}
{{- if .Button}}
<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="margin:12px 0"><tr><td align="center" bgcolor="#0b57d0" style="border-radius:8px">
<a href="{{.Link}}" style="display:block;padding:20px 12px;font-size:24px;font-weight:bold;color:#ffffff;text-decoration:none">{{.Text}}</a>
</td></tr></table>
{{- else if .Link}}
<div><a href="{{.Link}}">{{.Text}}</a></div>
{{- else}}
<div>{{.Text}}</div>
{{- end}}
{{- end}}
</div>
{{- end}}
</div>
</body>
</html>
`))
