package mlflow

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/tracker"
	"everfold/tracker/trackertest"
)

func newClient(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	require.NoError(t, err)
	return c
}

// Claim: the client keeps the tracker's contract on a server with MLflow's limits, pages and
// errors.
func TestContract(t *testing.T) {
	trackertest.Run(t, func(t *testing.T) (trackertest.Subject, string) {
		server := trackertest.NewServer(t)
		another := func() tracker.Tracker { return newClient(t, Options{URI: server.URL}) }
		return trackertest.Subject{
			Tracker: another(), Another: another,
			Held: func(d *tracker.Desired) map[string][]trackertest.Held {
				return server.Held(keyTag, d.Key, modelTag)
			},
			Remove: server.Remove,
		}, "suite"
	})
}
