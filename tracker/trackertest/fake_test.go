package trackertest_test

import (
	"testing"

	"everfold/tracker"
	"everfold/tracker/trackertest"
)

// Claim: the fake keeps the contract, so that tests on it mean something.
func TestFake(t *testing.T) {
	trackertest.Run(t, func(*testing.T) (trackertest.Subject, string) {
		f := &trackertest.Fake{}
		return trackertest.Subject{
			Tracker: f, Another: func() tracker.Tracker { return f },
			Held:   func(d *tracker.Desired) map[string][]trackertest.Held { return f.Held(d.Key) },
			Remove: f.Remove,
		}, "suite"
	})
}
