package secure

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/s3"
	"everfold/testsuite/harness"
	"everfold/testsuite/sinks"
	"everfold/tracker/trackertest"
)

// secret is in every credential of these tests, each of which has a word of its own before it.
const secret = "hush4711hush"

// secretLab is a server behind a gate, an S3 server, a tracker and a webhook, with credentials
// for all of them.
type secretLab struct {
	t      *testing.T
	server *harness.TemporalServer
	env    harness.Env
	memory *s3mem.Backend
	s3     *httptest.Server
	hook   *sinks.Webhook
	said   []*harness.Process
}

func newSecretLab(t *testing.T) *secretLab {
	t.Helper()
	l := &secretLab{t: t, server: harness.Server(t), memory: s3mem.New(), hook: sinks.NewWebhook(t, "hook"+secret)}
	require.NoError(t, l.memory.CreateBucket("bucket"))
	l.s3 = httptest.NewServer(gofakes3.New(l.memory).Server())
	t.Cleanup(l.s3.Close)
	authority := harness.NewAuthority(t)
	gate := harness.Gate{Own: authority.Issue(time.Now().Add(time.Hour), "localhost"), APIKey: "api" + secret}.Open(t, l.server.Address)
	tracker := trackertest.NewServer(t)
	tracker.Disturb(func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user == "someone" && password == "tracker"+secret {
			return false
		}
		http.Error(w, "not you: "+r.Header.Get("Authorization")+r.URL.String(), http.StatusUnauthorized)
		return true
	})
	l.env = harness.Env{Address: gate, Dir: exampleFolder(t), Set: []string{
		"TEMPORAL_API_KEY=api" + secret, "TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + authority.Path,
		"AWS_ACCESS_KEY_ID=id" + secret, "AWS_SECRET_ACCESS_KEY=s3" + secret, "AWS_SESSION_TOKEN=session" + secret,
		"AWS_REGION=us-east-1", "AWS_ENDPOINT_URL_S3=" + l.s3.URL,
		"MLFLOW_TRACKING_URI=" + tracker.URL, "MLFLOW_TRACKING_USERNAME=someone", "MLFLOW_TRACKING_PASSWORD=tracker" + secret,
		"EVERFOLD_NOTIFY_HOOK=" + l.hook.URL(), "EVERFOLD_TOKEN=other" + secret,
	}}
	return l
}

// store is the one on S3.
func (l *secretLab) store() store.Store {
	l.t.Helper()
	keys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
	})
	st, err := s3.Open(l.t.Context(), "s3://bucket/store", s3.Options{Endpoint: l.s3.URL, Region: "us-east-1", PathStyle: true, Credentials: keys})
	require.NoError(l.t, err)
	return st
}

// with is the environment with some variables replaced.
func (l *secretLab) with(set ...string) harness.Env {
	e := l.env
	e.Set = append(e.Set[:len(e.Set):len(e.Set)], set...)
	return e
}

func (l *secretLab) worker(e harness.Env) *harness.Process {
	l.t.Helper()
	p := harness.StartProgram(l.t, e, harness.WorkerBinary(l.t))
	l.said = append(l.said, p)
	p.WaitFor("worker is serving")
	return p
}

func (l *secretLab) starter(e harness.Env, exit int, args ...string) string {
	l.t.Helper()
	p := harness.StartStarter(l.t, e, args...)
	l.said = append(l.said, p)
	require.Equal(l.t, exit, p.Wait(), "starter %v\n%s%s", args, p.Stdout(), p.Stderr())
	return p.Stdout() + p.Stderr()
}

// run starts the shipped example with its store on S3.
func (l *secretLab) run(e harness.Env, exit int, id string, more ...string) string {
	l.t.Helper()
	args := []string{"run", "examples/veteran.yaml", "--json", "--run", id, "--set", "store.uri=s3://bucket/store",
		"--set", "store.endpoint=" + l.s3.URL, "--set", "store.path_style=true", "--set", "folds.k=2", "--set", "notify=['${EVERFOLD_NOTIFY_HOOK}']"}
	return l.starter(e, exit, append(args, more...)...)
}

// Claim: no credential, whether it works, is refused with an echo of it, or is put where it
// does not belong, turns up in a history, the server's database, an object of the store (logs,
// run.json, tables, report), a program's output or a temporary file.
func TestSecrets(t *testing.T) {
	t.Parallel()
	l := newSecretLab(t)
	good := l.worker(l.env)
	l.run(l.env, 0, "good")
	require.NotEmpty(t, l.hook.Messages(), "the alert was sent")
	l.starter(l.env, 0, "track", "status", "s3://bucket/store/production/good")
	// What a spec names by variables that are not for that: the values stay where they are.
	l.run(l.env, 0, "named", "--set", "tracker.uri=${EVERFOLD_TOKEN}")
	l.run(l.env, 0, "key", "--set", "tracker.uri=${AWS_SECRET_ACCESS_KEY}")
	// What somebody writes into a spec although it does not belong there.
	for _, set := range []string{
		"data.uri=s3://user:data" + secret + "@bucket/x.csv", "store.uri=s3://user:store" + secret + "@bucket/x",
		"store.endpoint=http://user:endpoint" + secret + "@127.0.0.1", "tracker.uri=http://user:uri" + secret + "@127.0.0.1",
		"notify=[generic://127.0.0.1/notify" + secret + "]",
	} {
		l.starter(l.env, 2, "run", "examples/veteran.yaml", "--run", "bad", "--set", set)
		l.starter(l.env, 2, "run", "examples/veteran.yaml", "--run", "bad", "--json", "--set", set)
	}
	require.Equal(t, 0, good.Stop())

	// Each is wrong now; the tracker says back what it refuses. Alerts that are refused with an
	// echo are in testsuite/alerts: they are tried for half a minute.
	wrong := l.with("MLFLOW_TRACKING_PASSWORD=wrong"+secret, "EVERFOLD_NOTIFY_NONE=https://hooks.example/none"+secret,
		"EVERFOLD_NOTIFY_MAIL=smtp://user:mail"+secret+"@127.0.0.1:1/?from=a@b.c&to=d@e.f")
	worker := l.worker(wrong)
	l.run(wrong, 0, "refused", "--set", "notify=['${EVERFOLD_NOTIFY_NONE}']")
	doctor := l.starter(wrong, 5, "doctor")
	require.Contains(t, doctor, "EVERFOLD_NOTIFY_HOOK")
	userinfo := strings.Replace(l.s3.URL, "http://", "http://user:info"+secret+"@", 1)
	l.starter(l.with("AWS_ENDPOINT_URL_S3="+userinfo), 0, "list", "--store", "s3://bucket/store", "--verbose")
	l.starter(l.with("MLFLOW_TRACKING_URI=http://user:info"+secret+"@127.0.0.1:1"), 2, "track", "status", "s3://bucket/store/production/good")
	l.s3.Close()
	l.starter(wrong, 5, "list", "--store", "s3://bucket/store", "--verbose")
	require.Equal(t, 0, worker.Stop())
	l.look()
}

// look looks everywhere for the secret.
func (l *secretLab) look() {
	l.t.Helper()
	for _, p := range l.said {
		require.NotContains(l.t, p.Stdout()+p.Stderr(), secret)
	}
	list, err := l.memory.ListBucket("bucket", nil, gofakes3.ListBucketPage{})
	require.NoError(l.t, err)
	require.Greater(l.t, len(list.Contents), 50)
	for _, c := range list.Contents {
		object, err := l.memory.GetObject("bucket", c.Key, nil)
		require.NoError(l.t, err)
		content, err := io.ReadAll(object.Contents)
		require.NoError(l.t, err)
		require.NotContains(l.t, string(content), secret, c.Key)
	}
	for _, dir := range []string{filepath.Dir(l.server.DB), l.env.Dir} {
		require.Empty(l.t, harness.FilesWith(l.t, dir, secret))
	}
}

// Claim: no command line of anything that an embedded run starts has a credential, nor have
// the files of its home; the keys of encrypted histories are not among them either.
func TestSecretsOfChildren(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	key := "a4711a4711a4711a4711a4711a4711a4711a4711a4c="
	e := harness.Env{Home: home, Dir: exampleFolder(t), Set: []string{
		"TEMPORAL_API_KEY=api" + secret, "AWS_SECRET_ACCESS_KEY=s3" + secret, "MLFLOW_TRACKING_TOKEN=t" + secret,
		"EVERFOLD_NOTIFY_HOOK=generic://127.0.0.1:1/" + secret, "EVERFOLD_CODEC_KEYS=k1:" + key,
	}}
	p := harness.StartStarter(t, e, "run", "examples/veteran.yaml", "--embedded")
	names := map[string]bool{}
	harness.Eventually(t, "starter, supervisor, server and worker have run", func() bool {
		for _, pid := range harness.Processes(t, "EVERFOLD_HOME="+home) {
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err != nil || len(line) == 0 {
				continue // it has ended
			}
			require.NotContains(t, string(line), secret)
			require.NotContains(t, string(line), key)
			words := strings.Split(string(line), "\x00")
			names[filepath.Base(words[0])+" "+words[1]] = true
		}
		return len(names) >= 4 || p.ExitCode() >= 0
	})
	require.Equal(t, 0, p.Wait(), p.Stdout()+p.Stderr())
	require.GreaterOrEqual(t, len(names), 4, names)
	for _, word := range []string{secret, key} {
		require.Empty(t, harness.FilesWith(t, home, word))
	}
}
