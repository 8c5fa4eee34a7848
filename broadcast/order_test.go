package broadcast

import (
	"slices"
	"testing"

	"github.com/anpi-bot/anpi/roster"
)

// TestBugNoOrderOfAnswersMakesSafe: whatever the order in which a cry for help and
// an earlier word of safety are recorded, the cry stands.
func TestNoOrderOfAnswersMakesSafe(t *testing.T) {
	answers := []Answer{chatted(Safe, 1, 1), chatted(Safe, 2, 2), chatted(Injured, 3, 3), chatted(Help, 4, 4)}
	var permute func(done, rest []Answer)
	permute = func(done, rest []Answer) {
		if len(rest) == 0 {
			if s := stand([]roster.Member{{ID: "kenta"}}, done, nil)[0]; s.Status != Help {
				t.Errorf("stands at %s after %d answers", s.Status, len(done))
			}
			return
		}
		for i := range rest {
			permute(append(slices.Clone(done), rest[i]), slices.Delete(slices.Clone(rest), i, i+1))
		}
	}
	permute(nil, answers)
}
