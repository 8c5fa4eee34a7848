package broadcast

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// Preference is what a member has told Anpi about themselves, which no address
// book knows.
type Preference struct {
	// Lang is the language they want to be spoken to in; empty for that of
	// their card.
	Lang string `json:"lang,omitempty"`
	// AwayFrom and AwayUntil are the time in which they are not chased, such as
	// a holiday; zero for none.
	AwayFrom  time.Time `json:"away_from,omitzero"`
	AwayUntil time.Time `json:"away_until,omitzero"`
}

// Away reports whether the member is not to be chased at the time.
func (p Preference) Away(at time.Time) bool {
	return !at.Before(p.AwayFrom) && at.Before(p.AwayUntil)
}

// Preferences are those of the members, by member id.
type Preferences map[string]Preference

// PreferencesDocument is the document in the ledger that holds them.
const PreferencesDocument = "preferences"

// ReadPreferences reads what members have told about themselves.
func ReadPreferences(ctx context.Context, s Store) (Preferences, error) {
	body, err := s.Document(ctx, PreferencesDocument)
	if err != nil {
		return nil, fmt.Errorf("read the preferences: %w", err)
	}
	p := Preferences{}
	if len(body) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("read the preferences: %w", err)
	}
	return p, nil
}

// away are the members who are not to be chased at the time.
func (p Preferences) away(at time.Time) map[string]bool {
	away := map[string]bool{}
	for id, preference := range p {
		away[id] = preference.Away(at)
	}
	return away
}

// Speak returns the members, each in the language they have asked for.
func (p Preferences) Speak(members []roster.Member) []roster.Member {
	spoken := append([]roster.Member(nil), members...)
	for i, m := range spoken {
		if lang := p[m.ID].Lang; lang != "" {
			spoken[i].Lang = lang
		}
	}
	return spoken
}

// PlanPreference plans to change what is known about a member.
func (s *Service) PlanPreference(ctx context.Context, c *Change, m roster.Member, change func(*Preference)) error {
	all, err := ReadPreferences(ctx, s.Store)
	if err != nil {
		return err
	}
	p := all[m.ID]
	change(&p)
	all[m.ID] = p
	body, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("keep the preferences: %w", err)
	}
	if c.Documents == nil {
		c.Documents = map[string][]byte{}
	}
	c.Documents[PreferencesDocument] = body
	return nil
}
