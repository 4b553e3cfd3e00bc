package docs

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"everfold/internal/app"
	"everfold/testsuite/harness"
)

// loadCompose parses docker-compose.yml by the specification, with every profile on.
func loadCompose(t *testing.T, root string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root), cli.WithProfiles([]string{"*"}))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

// Claim: the compose file is valid and complete: Temporal, worker and starter; ports on
// loopback only; whatever keeps running has a health check and comes back; whatever needs
// another service waits for its health; starter and worker see the same files.
func TestComposeIsComplete(t *testing.T) {
	root := harness.Root(t)
	project := loadCompose(t, root)
	require.ElementsMatch(t, []string{"temporal", "worker", "starter"}, project.ServiceNames())
	for name, s := range project.Services {
		for _, port := range s.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s: port %s", name, port.Published)
		}
		for needed, how := range s.DependsOn {
			require.Equal(t, types.ServiceConditionHealthy, how.Condition, "%s needs %s", name, needed)
		}
		if len(s.Profiles) == 0 {
			require.NotNil(t, s.HealthCheck, name)
			require.Equal(t, "unless-stopped", s.Restart, name)
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				require.DirExists(t, v.Source, name)
			}
		}
	}
	worker, starter := project.Services["worker"], project.Services["starter"]
	require.Equal(t, worker.Volumes, starter.Volumes)
	require.Equal(t, worker.Image, starter.Image)
	require.Equal(t, []string{"starter"}, starter.Profiles)
	require.Contains(t, worker.DependsOn, "temporal")
	require.FileExists(t, filepath.Join(worker.Build.Context, worker.Build.Dockerfile))
	address := "temporal:7233"
	require.Equal(t, types.MappingWithEquals{"TEMPORAL_ADDRESS": &address}, worker.Environment)
}

// Claim: the versions that the deployment files name are those that the modules name.
func TestDeploymentVersions(t *testing.T) {
	root := harness.Root(t)
	cliVersion := regexp.MustCompile(`github.com/temporalio/cli v(\S+)`).FindStringSubmatch(pageText(t, root, "tools/go.mod"))
	require.NotNil(t, cliVersion)
	temporal := loadCompose(t, root).Services["temporal"]
	require.Equal(t, "temporalio/temporal:"+cliVersion[1], temporal.Image)
	require.Contains(t, strings.Join(temporal.Command, " "), "temporal-"+cliVersion[1]+".db")
	for _, attribute := range app.SearchAttributes() {
		require.Contains(t, temporal.Command, "--search-attribute="+attribute)
	}

	goVersion := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(pageText(t, root, "go.mod"))
	require.NotNil(t, goVersion)
	dockerfile := pageText(t, root, "Dockerfile")
	require.Contains(t, dockerfile, "FROM golang:"+goVersion[1]+" AS build\n")
	require.Contains(t, dockerfile, "CGO_ENABLED=0")
	_, final, _ := strings.Cut(dockerfile, "\nFROM gcr.io/distroless/static")
	require.Contains(t, final, "\nUSER nonroot\n")
}

// Claim: every command and flag of the compose file is one that the program has.
func TestComposeCommandsExist(t *testing.T) {
	root := harness.Root(t)
	programs := harness.Binaries(t)
	paths := map[string]string{"temporal": programs.Temporal, "worker": programs.Worker, "starter": programs.Starter}
	for name, s := range loadCompose(t, root).Services {
		command := append(slices.Clone(s.Entrypoint), s.Command...)
		if len(s.Entrypoint) == 0 { // the Temporal image's own
			command = append([]string{name}, s.Command...)
		}
		requireHelp(t, paths, command)
		if s.HealthCheck != nil {
			require.Equal(t, "CMD", s.HealthCheck.Test[0], "%s: there is no shell", name)
			requireHelp(t, paths, s.HealthCheck.Test[1:])
		}
	}
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
