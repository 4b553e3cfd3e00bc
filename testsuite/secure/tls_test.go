package secure

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// apiKey is what the gate wants; no program may ever show it.
const apiKey = "hush4711apikey"

// gates are the endpoints of these tests, all before one server.
type gates struct {
	authority, stranger *harness.Authority
	hour                time.Time
	server              *harness.TemporalServer
}

func newGates(t *testing.T) *gates {
	t.Helper()
	return &gates{authority: harness.NewAuthority(t), stranger: harness.NewAuthority(t), hour: time.Now().Add(time.Hour), server: harness.Server(t)}
}

// keys are the variables of a client certificate.
func keys(p harness.Pair) []string {
	return []string{"TEMPORAL_TLS_CLIENT_CERT_PATH=" + p.Cert, "TEMPORAL_TLS_CLIENT_KEY_PATH=" + p.Key}
}

func (g *gates) ca() string { return "TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + g.authority.Path }

// Claim: by Temporal's own variables, or a profile of temporal.toml, both programs work through
// TLS that wants a client certificate and an API key: doctor finds all well, a run ends.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	g := newGates(t)
	gate := harness.Gate{Own: g.authority.Issue(g.hour, "localhost"), Clients: g.authority, APIKey: apiKey}.Open(t, g.server.Address)
	client := g.authority.Issue(g.hour, "client")
	set := append(keys(client), g.ca(), "TEMPORAL_API_KEY="+apiKey)
	worker := harness.StartProgram(t, harness.Env{Address: gate, Set: set}, harness.WorkerBinary(t))
	worker.WaitFor("worker is serving")

	profile := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(profile, []byte(`[profile.cloud]
address = "`+gate+`"
api_key = "`+apiKey+`"
[profile.cloud.tls]
client_cert_path = "`+client.Cert+`"
client_key_path = "`+client.Key+`"
server_ca_cert_path = "`+g.authority.Path+`"
`), 0o600))
	dir := exampleFolder(t)
	byProfile := harness.Env{Dir: dir, Set: []string{"TEMPORAL_CONFIG_FILE=" + profile, "TEMPORAL_PROFILE=cloud"}}
	run := harness.Starter(t, byProfile, "run", "examples/veteran.yaml", "--json")
	require.Zero(t, run.Exit, run.Stdout+run.Stderr)
	doctor := harness.Starter(t, harness.Env{Address: gate, Dir: dir, Set: set}, "doctor", "--json")
	require.Zero(t, doctor.Exit, doctor.Stdout+doctor.Stderr)
	require.NotContains(t, run.Stdout+run.Stderr+doctor.Stdout+doctor.Stderr+worker.Stderr(), apiKey)
}

// Claim: whatever keeps a program and a TLS endpoint apart is told at once, by starter, worker
// and doctor alike: exit code 5, what is wrong and which setting mends it, and no key.
func TestTLSRefusals(t *testing.T) {
	t.Parallel()
	g := newGates(t)
	own, past := g.authority.Issue(g.hour, "localhost"), time.Now().Add(-time.Hour)
	good := harness.Gate{Own: own}.Open(t, g.server.Address)
	mutual := harness.Gate{Own: own, Clients: g.authority}.Open(t, g.server.Address)
	keyed := harness.Gate{Own: own, APIKey: apiKey}.Open(t, g.server.Address)
	expired := harness.Gate{Own: g.authority.Issue(past, "localhost")}.Open(t, g.server.Address)
	elsewhere := harness.Gate{Own: g.authority.Issue(g.hour, "temporal.example")}.Open(t, g.server.Address)
	_, port, err := net.SplitHostPort(good)
	require.NoError(t, err)
	wrong := "TEMPORAL_API_KEY=" + apiKey + "wrong"
	for _, c := range []struct {
		name, address string
		set           []string
		says, do      string
	}{
		{"unknown authority", good, []string{"TEMPORAL_TLS=true"}, "is not trusted", "TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
		{"wrong authority", good, []string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + g.stranger.Path}, "is not trusted", "TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
		{"expired", expired, []string{g.ca()}, "certificate is out of date", "renew"},
		{"wrong name", elsewhere, []string{g.ca()}, "for another name", "TEMPORAL_TLS_SERVER_NAME"},
		{"an address for a name", "127.0.0.1:" + port, []string{g.ca()}, "not for this address", "TEMPORAL_TLS_SERVER_NAME"},
		{"no client certificate", mutual, []string{g.ca()}, "wants a client certificate", "TEMPORAL_TLS_CLIENT_CERT_PATH"},
		{"a stranger's certificate", mutual, append(keys(g.stranger.Issue(g.hour, "client")), g.ca()), "client certificate", "TEMPORAL_TLS_CLIENT_CERT_PATH"},
		{"an expired client certificate", mutual, append(keys(g.authority.Issue(past, "client")), g.ca()), "client certificate", "TEMPORAL_TLS_CLIENT_CERT_PATH"},
		{"no key", keyed, []string{g.ca()}, "does not accept these credentials", "TEMPORAL_API_KEY"},
		{"wrong key", keyed, []string{g.ca(), wrong}, "does not accept these credentials", "TEMPORAL_API_KEY"},
		{"TLS to a server without", g.server.Address, []string{"TEMPORAL_TLS=true"}, "does not speak TLS", "TEMPORAL_TLS=false"},
		{"no TLS to a server with it", good, nil, "hangs up", "TEMPORAL_TLS=true"},
	} {
		t.Run(c.name, func(t *testing.T) { requireRefused(t, harness.Env{Address: c.address, Set: c.set}, 5, c.says, c.do) })
	}
}

// requireRefused says that all programs end so, and that none shows a key.
func requireRefused(t *testing.T, e harness.Env, exit int, says ...string) {
	t.Helper()
	status := harness.StartStarter(t, e, "status", "production/veteran")
	doctor := harness.StartStarter(t, e, "doctor")
	worker := harness.StartProgram(t, e, harness.WorkerBinary(t), "--connect-timeout", "3s")
	for name, p := range map[string]*harness.Process{"status": status, "doctor": doctor, "worker": worker} {
		require.Equal(t, exit, p.Wait(), "%s: %s%s", name, p.Stdout(), p.Stderr())
		said := p.Stdout() + p.Stderr()
		for _, want := range says {
			require.Contains(t, said, want, name)
		}
		require.NotContains(t, said, apiKey, name)
		require.NotContains(t, said, "PRIVATE KEY", name)
	}
}

// Claim: settings that cannot be used are exit code 2 and name the setting, not its value:
// a key that is no key, a path that holds the key itself, a file that is no PEM, a broken
// profile with the key in the broken line, a word for TLS that would silently leave it out.
func TestUnusableSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	key := "-----BEGIN EC PRIVATE KEY-----\n" + apiKey + "\n-----END EC PRIVATE KEY-----\n"
	pem := text("not.pem", "nothing")
	for name, c := range map[string]struct {
		set  []string
		says string
	}{
		"a key with a line end":   {[]string{"TEMPORAL_API_KEY=" + apiKey + "\n"}, "TEMPORAL_API_KEY"},
		"a path that is a key":    {[]string{"TEMPORAL_TLS_CLIENT_KEY_PATH=" + key}, "TEMPORAL_TLS_CLIENT_KEY_DATA"},
		"a certificate alone":     {[]string{"TEMPORAL_TLS_CLIENT_CERT_PATH=" + pem}, "client cert or key"},
		"no PEM":                  {[]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + pem}, "CA"},
		"no file":                 {[]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + dir + "/none.pem"}, "none.pem"},
		"a key that is none":      {[]string{"TEMPORAL_TLS_CLIENT_CERT_DATA=" + key, "TEMPORAL_TLS_CLIENT_KEY_DATA=" + key}, "key"},
		"TLS neither on nor off":  {[]string{"TEMPORAL_TLS=yes"}, "TEMPORAL_TLS is neither"},
		"a broken line with it":   {[]string{"TEMPORAL_CONFIG_FILE=" + text("a.toml", "[profile.default]\napi_key = "+apiKey+"\n")}, "line 2"},
		"a broken line around it": {[]string{"TEMPORAL_CONFIG_FILE=" + text("b.toml", "[profile.default]\napi_key = \""+apiKey+"\n")}, "line 2"},
		"a key of the wrong type": {[]string{"TEMPORAL_CONFIG_FILE=" + text("c.toml", "[profile.default]\napi_key = [\""+apiKey+"\"]\n")}, "TOML"},
		"an unknown profile":      {[]string{"TEMPORAL_PROFILE=nobody"}, "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			requireRefused(t, harness.Env{Set: c.set}, 2, c.says)
		})
	}
}
