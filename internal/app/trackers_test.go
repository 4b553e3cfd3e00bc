package app

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
	"everfold/tracker"
	"everfold/tracker/mlflow"
)

func environment(pairs ...string) *Trackers {
	return &Trackers{Getenv: func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}}
}

// Claim: a spec without a tracker takes the worker's; "off" and neither mean none; a name is
// resolved in the environment, and shown as a name.
func TestTrackerAddress(t *testing.T) {
	env := environment(envTrackingURI, "http://tracking.example", "OTHER", "https://other.example")
	for uri, want := range map[string]string{
		"": "$MLFLOW_TRACKING_URI", "${OTHER}": "$OTHER", "http://spec.example/x": "http://spec.example/x",
	} {
		found, err := env.Open(config.Tracker{URI: uri})
		require.NoError(t, err)
		require.Equal(t, want, found.URI())
		again, err := env.Open(config.Tracker{URI: uri})
		require.NoError(t, err)
		require.Same(t, found, again)
	}
	told := environment(envTrackingURI, "http://tracking.example")
	told.Tell = true
	found, err := told.Open(config.Tracker{})
	require.NoError(t, err)
	require.Equal(t, "http://tracking.example", found.URI())
	for _, none := range []struct {
		env *Trackers
		uri string
	}{{env, "off"}, {environment(), ""}, {environment(), "off"}} {
		found, err := none.env.Open(config.Tracker{URI: none.uri})
		require.NoError(t, err)
		require.Nil(t, found)
	}
}

// Claim: credentials of the environment go to the server of MLFLOW_TRACKING_URI, by whatever name,
// and to no other, whichever variable holds it.
func TestCredentialsStayAtHome(t *testing.T) {
	var seen []string
	server := func() string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Header.Get("Authorization"))
			http.Error(w, "", http.StatusInternalServerError)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	home, foreign := server(), server()
	env := environment(envTrackingURI, home, "OTHER", foreign, "SAME", home, "MLFLOW_ARCHIVE", foreign, "EVERFOLD_ARCHIVE", foreign,
		"MLFLOW_S3_ENDPOINT_URL", foreign, envToken, "hush")
	for _, c := range []struct{ uri, want string }{
		{"", "Bearer hush"}, {home, "Bearer hush"}, {home + "/path", "Bearer hush"}, {foreign, ""}, {"${OTHER}", ""},
		{"${SAME}", "Bearer hush"}, {"${MLFLOW_ARCHIVE}", ""}, {"${EVERFOLD_ARCHIVE}", ""}, {"${MLFLOW_S3_ENDPOINT_URL}", ""},
	} {
		seen = nil
		found, err := env.Open(config.Tracker{URI: c.uri})
		require.NoError(t, err)
		require.Error(t, found.Probe(t.Context(), "e"))
		require.Equal(t, []string{c.want}, seen)
	}
	for pair, same := range map[[2]string]bool{
		{"http://h", "https://h"}: false, {"http://h:1", "http://h:2"}: false, {"http://h", "http://g"}: false, {"", ""}: false, {"h", "h"}: false,
		{"http://h", "http://H.:80/x"}: true, {"https://h:443", "https://h"}: true, {"http://[::1]", "http://[::1]:80"}: true,
	} {
		require.Equal(t, same, sameServer(pair[0], pair[1]), pair)
	}
}

// Claim: an environment that cannot be used is a matter of settings, told by name and
// without values.
func TestUnusableEnvironment(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "hush.pem")
	require.NoError(t, os.WriteFile(bad, []byte("no PEM"), 0o600))
	for want, env := range map[string]*Trackers{
		"environment variable " + envTrackingURI: environment(),
		"holds a user or password":               environment(envTrackingURI, "http://me:hush@h"),
		"not of the form http://":                environment(envTrackingURI, "sqlite:///hush.db"),
		envInsecure:                              environment(envTrackingURI, "https://h", envInsecure, "hush"),
		envCA + ": the file that":                environment(envTrackingURI, "https://h", envCA, "/hush"),
		"holds no PEM certificate":               environment(envTrackingURI, "https://h", envCA, bad),
		envClientCert:                            environment(envTrackingURI, "https://h", envClientCert, bad),
	} {
		_, err := env.Open(config.Tracker{URI: "${" + envTrackingURI + "}"})
		var failed *tracker.Error
		require.True(t, errors.As(err, &failed), want)
		require.Equal(t, tracker.Settings, failed.Kind)
		require.Contains(t, failed.Error(), want)
		require.NotContains(t, failed.Error(), "hush")
	}
}

// Claim: every variable reaches the client, for a server that the environment names.
func TestTrackerOptions(t *testing.T) {
	env := environment(envTrackingURI, "https://h", envUsername, "me", envPassword, "p", envWorkspace, "w", envInsecure, "true")
	o, err := env.options(config.Tracker{})
	require.NoError(t, err)
	require.Equal(t, mlflow.Options{URI: "https://h", Name: "$MLFLOW_TRACKING_URI", Username: "me", Password: "p", Workspace: "w", InsecureTLS: true}, o)
}
