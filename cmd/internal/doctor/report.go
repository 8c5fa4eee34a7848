package doctor

import (
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// Report is what programs read, as JSON. Its shape is documented in
// docs/json-doctor.md and only ever grows.
type Report struct {
	At       time.Time       `json:"at"`
	Grade    Grade           `json:"grade"`
	Findings []ReportFinding `json:"findings"`
}

// ReportFinding is a [Finding] in words.
type ReportFinding struct {
	Name  string `json:"name"`
	About string `json:"about,omitempty"`
	Grade Grade  `json:"grade"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// NewReport words the findings.
func NewReport(now time.Time, findings []Finding, t *locale.Texts) Report {
	r := Report{At: now.UTC().Truncate(time.Second), Grade: Worst(findings), Findings: []ReportFinding{}}
	for _, f := range findings {
		r.Findings = append(r.Findings, ReportFinding{Name: f.Name, About: f.About, Grade: f.Grade, Title: f.Title(t), Text: f.Text(t, nil)})
	}
	return r
}
