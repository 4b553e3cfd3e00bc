package docs

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"everfold/config"
	"everfold/internal/app"
	"everfold/testsuite/harness"
)

// composeSecrets are what .env must set.
var composeSecrets = []string{"POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"}

// parseCompose parses docker-compose.yml by the specification, with every profile on.
func parseCompose(t *testing.T, root string, env []string, more ...cli.ProjectOptionsFn) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		append(more, cli.WithWorkingDirectory(root), cli.WithProfiles([]string{"*"}), cli.WithEnv(env))...)
	require.NoError(t, err)
	return options.LoadProject(t.Context())
}

// composeMark ends the secrets of the test.
const composeMark = " of this test"

// loadCompose parses it with secrets of the test's own: each begins with its name.
func loadCompose(t *testing.T, root string) *types.Project {
	t.Helper()
	var env []string
	for _, name := range composeSecrets {
		env = append(env, name+"="+name+composeMark)
	}
	project, err := parseCompose(t, root, env)
	require.NoError(t, err)
	return project
}

// oneShot tells services that end.
func oneShot(s types.ServiceConfig) bool { return s.Restart != "unless-stopped" }

// Claim: the compose file is valid and complete. Ports are on loopback only; whatever keeps
// running has a health check, comes back, and is given time to stop; whatever needs another
// service waits for its health, or for the end of a one-shot; every volume is declared and used;
// starter and workers see the same files and the same environment.
func TestComposeIsComplete(t *testing.T) {
	root := harness.Root(t)
	project := loadCompose(t, root)
	require.ElementsMatch(t, []string{
		"postgres", "temporal-schema", "temporal", "temporal-namespace", "temporal-ui", "s3", "mlflow", "worker", "starter",
	}, project.ServiceNames())
	used := map[string]bool{}
	for name, s := range project.Services {
		for _, port := range s.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s: port %s", name, port.Published)
		}
		for needed, how := range s.DependsOn {
			want := types.ServiceConditionHealthy
			if oneShot(project.Services[needed]) {
				want = types.ServiceConditionCompletedSuccessfully
			} else if needed == "mlflow" { // no run waits for it
				want = types.ServiceConditionStarted
			}
			require.Equal(t, want, how.Condition, "%s needs %s", name, needed)
		}
		if !oneShot(s) {
			require.NotNil(t, s.HealthCheck, name)
			require.NotNil(t, s.StopGracePeriod, name)
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				require.DirExists(t, v.Source, name)
				require.True(t, v.ReadOnly, "%s: %s", name, v.Source)
			} else {
				require.Contains(t, project.Volumes, v.Source, name)
				used[v.Source] = true
			}
		}
	}
	require.Len(t, used, len(project.Volumes), "a volume is declared and not used")
	worker, starter := project.Services["worker"], project.Services["starter"]
	require.Equal(t, worker.Volumes, starter.Volumes)
	require.Equal(t, worker.Image, starter.Image)
	require.Equal(t, worker.Environment, starter.Environment)
	require.Equal(t, []string{"starter"}, starter.Profiles)
	require.GreaterOrEqual(t, *worker.Deploy.Replicas, 2)
	require.FileExists(t, filepath.Join(worker.Build.Context, worker.Build.Dockerfile))
	require.Equal(t, "temporal:7233", *worker.Environment["TEMPORAL_ADDRESS"])
	require.True(t, bool(project.Networks["database"].Internal))
	require.Equal(t, []string{"database"}, networksOf(project.Services["postgres"]))
}

func networksOf(s types.ServiceConfig) []string {
	var names []string
	for name := range s.Networks {
		names = append(names, name)
	}
	return names
}

// Claim: no container runs as root, has a capability or may gain one, writes to its root file
// system, shares a namespace with the machine, fills its disk with logs, or takes more than it is
// given of cores, memory and processes.
func TestComposeContainsEveryService(t *testing.T) {
	user := regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`)
	for name, s := range loadCompose(t, harness.Root(t)).Services {
		require.Regexp(t, user, s.User, name)
		require.True(t, s.ReadOnly, name)
		require.Equal(t, []string{"ALL"}, s.CapDrop, name)
		require.Empty(t, s.CapAdd, name)
		require.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt, name)
		require.False(t, s.Privileged, name)
		require.Empty(t, s.NetworkMode+s.Pid+s.Ipc+s.UserNSMode, name)
		require.Equal(t, "10m", s.Logging.Options["max-size"], name)
		for _, mount := range s.Tmpfs {
			require.Contains(t, mount, "size=", name)
		}
		limits := s.Deploy.Resources.Limits
		require.NotNil(t, limits, name)
		require.Positive(t, limits.NanoCPUs, name)
		require.Positive(t, limits.MemoryBytes, name)
		require.Positive(t, limits.Pids, name)
	}
}

// Claim: the file holds no secret and no default of one. Whatever is named like a secret is a
// variable that compose refuses to go without, saying what to type; .env.example names every
// variable of the file and gives none of the secrets.
func TestComposeHasNoSecrets(t *testing.T) {
	root := harness.Root(t)
	looks := regexp.MustCompile(`PASSWORD|PWD|SECRET|TOKEN|KEY`)
	found := map[string]bool{}
	for name, s := range loadCompose(t, root).Services {
		for variable, value := range s.Environment {
			if looks.MatchString(variable) {
				require.NotNil(t, value, "%s: %s", name, variable)
				secret := strings.TrimSuffix(*value, composeMark)
				require.Contains(t, composeSecrets, secret, "%s: %s", name, variable)
				found[secret] = true
			}
		}
	}
	require.Len(t, found, len(composeSecrets))
	example := pageText(t, root, ".env.example")
	for i, name := range composeSecrets {
		require.Contains(t, found, name)
		require.Regexp(t, `(?m)^`+name+`=$`, example)
		var env []string
		for _, other := range slices.Delete(slices.Clone(composeSecrets), i, i+1) {
			env = append(env, other+"=x")
		}
		for _, missing := range [][]string{env, append(env, name+"=")} {
			_, err := parseCompose(t, root, missing)
			require.ErrorContains(t, err, name)
			require.ErrorContains(t, err, "make secrets")
		}
	}
	for _, m := range regexp.MustCompile(`\$\{([A-Z0-9_]+)`).FindAllStringSubmatch(pageText(t, root, "docker-compose.yml"), -1) {
		require.Regexp(t, `(?m)^(# )?`+m[1]+`=`, example)
	}
}

// Claim: make secrets writes what compose asks for, readable by its owner alone, different each
// time, and leaves alone what is there.
func TestSecretsAreMade(t *testing.T) {
	root := harness.Root(t)
	values := map[string]bool{}
	for range 2 {
		dir := t.TempDir()
		script := filepath.Join(dir, "deploy", "secrets.sh")
		require.NoError(t, os.Mkdir(filepath.Dir(script), 0o755))
		require.NoError(t, os.WriteFile(script, []byte(pageText(t, root, "deploy/secrets.sh")), 0o755))
		env := filepath.Join(dir, ".env")
		require.NoError(t, os.WriteFile(env, []byte("S3_ACCESS_KEY=kept\nS3_SECRET_KEY=\n"), 0o600))
		for range 2 {
			out, err := exec.CommandContext(t.Context(), script).CombinedOutput()
			require.NoError(t, err, string(out))
		}
		text := pageText(t, dir, ".env")
		require.Regexp(t, `^S3_ACCESS_KEY=kept\nS3_SECRET_KEY=\nPOSTGRES_PASSWORD=[0-9a-f]{48}\nS3_SECRET_KEY=[0-9a-f]{48}\n$`, text)
		_, err := parseCompose(t, root, nil, cli.WithEnvFiles(env), cli.WithDotEnv)
		require.NoError(t, err)
		require.NoError(t, os.Remove(env))
		require.NoError(t, exec.CommandContext(t.Context(), script).Run())
		info, err := os.Stat(env)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		for line := range strings.Lines(pageText(t, dir, ".env")) {
			require.False(t, values[line], "the same secret twice")
			values[line] = true
		}
	}
	require.Len(t, values, 2*len(composeSecrets))
}

// Claim: the versions that the deployment files name are those that the modules and the tests'
// requirements name, so what is deployed is what is tested; no image is without a version.
func TestDeploymentVersions(t *testing.T) {
	root := harness.Root(t)
	tools := pageText(t, root, "tools/go.mod")
	version := func(text, pattern string) string {
		m := regexp.MustCompile(pattern + `(\S+)`).FindStringSubmatch(text)
		require.NotNil(t, m, pattern)
		return m[1]
	}
	server := version(tools, `go.temporal.io/server v`)
	services := loadCompose(t, root).Services
	require.Equal(t, "temporalio/server:"+server, services["temporal"].Image)
	require.Equal(t, "temporalio/ui:"+version(tools, `github.com/temporalio/ui-server/v2 v`), services["temporal-ui"].Image)
	for _, name := range []string{"temporal-schema", "temporal-namespace"} {
		require.True(t, strings.HasPrefix(services[name].Image, "temporalio/admin-tools:"+server+"-"), name)
	}
	require.Contains(t, services["s3"].Build.DockerfileInline, "/versitygw:"+version(tools, `github.com/versity/versitygw `)+"@sha256:")
	mlflow := version(pageText(t, root, "testsuite/tracker/requirements.txt"), `mlflow==`)
	require.Contains(t, services["mlflow"].Build.DockerfileInline, "/mlflow:v"+mlflow+"\n")
	for name, s := range services {
		if s.Build == nil {
			require.Regexp(t, `:\d+\.\d+`, s.Image, name)
		}
	}

	dockerfile := pageText(t, root, "Dockerfile")
	require.Contains(t, dockerfile, "FROM golang:"+version(pageText(t, root, "go.mod"), `(?m)^go `)+" AS build\n")
	require.Contains(t, dockerfile, "make programs")
	_, final, _ := strings.Cut(dockerfile, "\nFROM gcr.io/distroless/static")
	require.Contains(t, final, "\nUSER nonroot\n")
	require.NotContains(t, final, "\nRUN ", "there is no shell")
}

// Claim: every command and flag of the compose file and of the scripts that it mounts is one that
// the program has; a program of the image runs every health check; workers have longer to stop
// than their fits take to save.
func TestComposeCommandsExist(t *testing.T) {
	root := harness.Root(t)
	programs := harness.Binaries(t)
	paths := map[string]string{"temporal": programs.Temporal, "worker": programs.Worker, "starter": programs.Starter}
	services := loadCompose(t, root).Services
	for _, name := range []string{"worker", "starter"} {
		s := services[name]
		requireHelp(t, paths, append(slices.Clone(s.Entrypoint), s.Command...))
	}
	for name, s := range services {
		if s.HealthCheck != nil {
			require.Equal(t, "CMD", s.HealthCheck.Test[0], "%s: there may be no shell", name)
			if name == "worker" {
				requireHelp(t, paths, s.HealthCheck.Test[1:])
			}
		}
		for _, v := range s.Volumes {
			if script := s.Command; len(s.Entrypoint) == 1 && s.Entrypoint[0] == "/bin/sh" {
				require.FileExists(t, filepath.Join(v.Source, strings.TrimPrefix(script[0], v.Target)), name)
			}
		}
	}
	require.Greater(t, *services["worker"].StopGracePeriod, types.Duration(app.DefaultStopTimeout))

	namespace := strings.ReplaceAll(pageText(t, root, "deploy/temporal/namespace.sh"), "\\\n", " ")
	commands := regexp.MustCompile(`\btemporal operator[^\n>|]*`).FindAllString(namespace, -1)
	require.Len(t, commands, 3)
	for _, command := range commands {
		requireHelp(t, paths, strings.Fields(command))
	}
	for _, attribute := range app.SearchAttributes() {
		name, kind, _ := strings.Cut(attribute, "=")
		require.Contains(t, namespace, fmt.Sprintf("--name %s --type %s", name, kind))
	}
}

// Claim: the deployment is closed. Specs may name data in their folder and in the bucket, a run's
// place in the bucket, and the two servers that the workers' environment names; nothing else is
// read, written or called for them, and no flag is left out. A worker of another machine, by the
// systemd unit, differs only in the folder that it has not.
func TestDeploymentIsClosed(t *testing.T) {
	root := harness.Root(t)
	worker := loadCompose(t, root).Services["worker"]
	for name, value := range worker.Environment {
		t.Setenv(name, *value)
	}
	closed := allowedOf(worker.Command)
	unit := regexp.MustCompile(`(?m)^ExecStart=(.+)$`).FindStringSubmatch(pageText(t, root, "deploy/systemd/everfold-worker.service"))
	want := closed
	want.Data = []string{"s3://everfold"}
	require.Equal(t, want, allowedOf(strings.Fields(unit[1])))

	spec := func(change func(*config.Spec)) *config.Spec {
		s := &config.Spec{Data: config.Data{URI: "/specs/data/hdfail.csv"}, Store: config.Store{URI: "s3://everfold/outputs"}}
		change(s)
		return s
	}
	for _, inside := range []func(*config.Spec){
		func(*config.Spec) {},
		func(s *config.Spec) {
			s.Data.URI, s.Final.Data = "s3://everfold/data/churn.parquet", "s3://everfold/new.csv"
		},
		func(s *config.Spec) { s.Store.Endpoint, s.Tracker.URI = "http://s3:7070", "http://mlflow:5000" },
	} {
		require.NoError(t, closed.Check(spec(inside)))
	}
	for key, outside := range map[string]func(*config.Spec){
		"data.uri":       func(s *config.Spec) { s.Data.URI = "/proc/self/environ" },
		"folds.file":     func(s *config.Spec) { s.Folds.File = "s3://elsewhere/folds.csv" },
		"final.data":     func(s *config.Spec) { s.Final.Data = "/specs/../etc/passwd" },
		"store.uri":      func(s *config.Spec) { s.Store.URI = "/cache" },
		"store.endpoint": func(s *config.Spec) { s.Store.Endpoint = "http://temporal:7233" },
		"tracker.uri":    func(s *config.Spec) { s.Tracker.URI = "http://postgres:5432" },
	} {
		require.ErrorContains(t, closed.Check(spec(outside)), key)
	}
}

// allowedOf is what a worker's command line lets specs name.
func allowedOf(command []string) app.Allowed {
	var a app.Allowed
	for _, arg := range command {
		switch flag, value, _ := strings.Cut(arg, "="); flag {
		case "--allow-data":
			a.Data = append(a.Data, value)
		case "--allow-store":
			a.Store = append(a.Store, value)
		case "--allow-host":
			a.Hosts = append(a.Hosts, value)
		}
	}
	return a
}

// Claim: every environment variable that workers and starters are given is one that OPERATIONS
// explains; everfold's own are ones that the programs read.
func TestComposeVariablesExist(t *testing.T) {
	root := harness.Root(t)
	page := pageText(t, root, "docs/OPERATIONS.md")
	worker := pageText(t, root, "worker/command.go")
	for variable := range loadCompose(t, root).Services["worker"].Environment {
		require.Contains(t, page, variable)
		if strings.HasPrefix(variable, "EVERFOLD_") {
			require.Contains(t, worker, `"`+variable+`"`)
		}
	}
}

// Claim: the unit of deploy/systemd starts the worker with flags that it has, and gives it longer
// to stop than its fits take to save.
func TestServiceUnit(t *testing.T) {
	root := harness.Root(t)
	unit := pageText(t, root, "deploy/systemd/everfold-worker.service")
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/(.+)$`).FindStringSubmatch(unit)
	require.NotNil(t, start)
	requireHelp(t, map[string]string{"worker": harness.WorkerBinary(t)}, strings.Fields(start[1]))
	stop := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(unit)
	require.NotNil(t, stop)
	limit, err := time.ParseDuration(stop[1] + "s")
	require.NoError(t, err)
	require.Greater(t, limit, app.DefaultStopTimeout)
	require.Contains(t, pageText(t, root, "worker/command.go"), `"EVERFOLD_METRICS_LISTEN"`)
}

// Claim: the programs, built as the Dockerfile does, need no file of the system to start: no
// interpreter, no library.
func TestProgramsAreStatic(t *testing.T) {
	programs := harness.Binaries(t)
	for _, path := range []string{programs.Starter, programs.Worker} {
		f, err := elf.Open(path)
		require.NoError(t, err)
		defer f.Close()
		libraries, err := f.ImportedLibraries()
		require.NoError(t, err)
		require.Empty(t, libraries, path)
		for _, p := range f.Progs {
			require.NotEqual(t, elf.PT_INTERP, p.Type, path)
		}
	}
	makefile := pageText(t, harness.Root(t), "Makefile")
	require.Contains(t, makefile, "BUILD := CGO_ENABLED=0 $(GO) build -trimpath\n")
}

// requireHelp asks the program for help on a command and looks for its flags there.
func requireHelp(t *testing.T, paths map[string]string, command []string) {
	t.Helper()
	path, ok := paths[command[0]]
	require.True(t, ok, "%q is none of our programs", command[0])
	var args, flags []string
	for _, a := range command[1:] {
		if flag, _, _ := strings.Cut(a, "="); strings.HasPrefix(flag, "--") {
			flags = append(flags, flag)
		} else if len(flags) == 0 && !strings.Contains(a, "/") {
			args = append(args, a)
		}
	}
	out, err := exec.CommandContext(t.Context(), path, append(args, "--help")...).CombinedOutput()
	require.NoError(t, err, "%v --help: %s", command, out)
	usage := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(strings.Join(append(command[:1:1], args...), " ")) + `\b`)
	if len(args) > 0 {
		require.Regexp(t, usage, string(out), "no such command")
	}
	for _, flag := range flags {
		require.Regexp(t, regexp.QuoteMeta(flag)+`\b`, string(out), "%v has no flag %s", command[0], flag)
	}
}
