//go:build linux

package distributed

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// image is what stands for a container image: what it adds to the compose file, and what a
// container of it sees.
type image struct {
	programs            map[string]string // in /usr/local/bin, by where they are here
	machine             bool              // sees this machine's /usr
	binds               []bind
	env                 map[string]string
	entrypoint, command []string
	folders             []string // of a new volume
}

// postgresEntrypoint does what the image of PostgreSQL does before its server starts.
const postgresEntrypoint = `set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	printf %s "$POSTGRES_PASSWORD" >/tmp/password
	initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile=/tmp/password $POSTGRES_INITDB_ARGS
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi
exec postgres -D "$PGDATA" -c "listen_addresses=*"
`

// images are those of the compose file, without their versions. Paths are found out when the
// services are to be started.
func images(t *testing.T) map[string]image {
	t.Helper()
	root := harness.Root(t)
	bin := func(name string) string { return filepath.Join(root, "bin", name) }
	found := map[string]image{
		"everfold": {
			programs: map[string]string{"starter": "", "worker": ""},
			binds:    []bind{{From: filepath.Join(root, "examples"), To: "/examples"}},
		},
		"postgres": {
			machine:    true,
			binds:      []bind{{From: "/var/run", To: "/var/run"}}, // a link to /run
			env:        map[string]string{"PGDATA": "/var/lib/postgresql/data", "LANG": "C.UTF-8"},
			entrypoint: []string{"/bin/sh", "-c", postgresEntrypoint},
		},
		"temporalio/admin-tools": {
			machine:  true,
			programs: map[string]string{"temporal": bin("temporal"), "temporal-sql-tool": bin("temporal-sql-tool")},
		},
		"temporalio/server": {machine: true, programs: map[string]string{"temporal-server": bin("temporal-server")}},
		"temporalio/ui":     {machine: true},
		"everfold-s3":       {machine: true, programs: map[string]string{"versitygw": bin("versitygw")}, folders: []string{"everfold"}},
		"everfold-mlflow":   {machine: true},
	}
	if !*start {
		return found
	}
	programs := harness.Binaries(t)
	found["everfold"].programs["starter"], found["everfold"].programs["worker"] = programs.Starter, programs.Worker
	ui := found["temporalio/ui"]
	settings := filepath.Join(module(t, "github.com/temporalio/ui-server/v2"), "config", "docker.yaml")
	ui.binds = []bind{{From: bin("ui-server"), To: "/home/ui-server/ui-server"}, {From: settings, To: "/home/ui-server/config/docker.yaml"}}
	found["temporalio/ui"] = ui
	found["postgres"] = postgres(t, found["postgres"])
	found["everfold-mlflow"] = mlflow(t, found["everfold-mlflow"])
	return found
}

// module is the folder of a module of tools/go.mod.
func module(t *testing.T, path string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", path)
	cmd.Dir = filepath.Join(harness.Root(t), "tools")
	out, err := cmd.Output()
	require.NoError(t, err, path)
	return strings.TrimSpace(string(out))
}

// postgres finds the server's programs, which Debian keeps off the PATH.
func postgres(t *testing.T, i image) image {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	require.NoError(t, err)
	require.NotEmpty(t, found, "no PostgreSQL server: apt-get install postgresql")
	i.env["PATH"] = filepath.Dir(found[len(found)-1]) + ":/usr/bin:/bin"
	return i
}

// mlflow finds the virtual environment, and the Python that it is made of.
func mlflow(t *testing.T, i image) image {
	t.Helper()
	venv, err := filepath.EvalSymlinks(filepath.Join(harness.Root(t), ".cache", "mlflow"))
	require.NoError(t, err, "make mlflow")
	python, err := filepath.EvalSymlinks(filepath.Join(venv, "bin", "python"))
	require.NoError(t, err)
	prefix := filepath.Dir(filepath.Dir(python))
	if prefix != "/usr" {
		i.binds = append(i.binds, bind{From: prefix, To: prefix})
	}
	i.binds = append(i.binds, bind{From: venv, To: venv})
	i.env = map[string]string{"PATH": filepath.Join(venv, "bin") + ":/usr/bin:/bin"}
	return i
}

// loadCompose parses docker-compose.yml with secrets of the test's own and its specs.
func loadCompose(t *testing.T, specs string) *types.Project {
	t.Helper()
	root := harness.Root(t)
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithWorkingDirectory(root),
		cli.WithProfiles([]string{"*"}), cli.WithEnv([]string{
			"POSTGRES_PASSWORD=p\"a'ss#&1", "S3_ACCESS_KEY=access", "S3_SECRET_KEY=secret", "EVERFOLD_SPECS=" + specs,
		}))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

// instances are the names of a service's containers.
func instances(s types.ServiceConfig) []string {
	if s.GetScale() == 1 {
		return []string{s.Name}
	}
	var names []string
	for i := range s.GetScale() {
		names = append(names, fmt.Sprintf("%s-%d", s.Name, i+1))
	}
	return names
}

// place is where containers are made.
type place struct {
	t         *testing.T
	dir       string
	project   *types.Project
	images    map[string]image
	addresses map[string]string // by name of a container
}

func newPlace(t *testing.T, specs string) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), project: loadCompose(t, specs), images: images(t), addresses: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(p.project.Services)) {
		for _, instance := range instances(p.project.Services[name]) {
			p.addresses[instance] = fmt.Sprintf("127.0.1.%d", len(p.addresses)+1)
		}
	}
	return p
}

// container translates a service, with its own command or, as `docker compose run` does, another.
func (p *place) container(service, instance string, command ...string) container {
	p.t.Helper()
	s := p.project.Services[service]
	repository, _, _ := strings.Cut(s.Image, ":")
	i, ok := p.images[repository]
	require.True(p.t, ok, "%s: nothing stands for image %s", service, s.Image)
	var user, group int
	_, err := fmt.Sscanf(s.User, "%d:%d", &user, &group)
	require.NoError(p.t, err, "%s: user %q", service, s.User)
	require.Equal(p.t, user, group)
	c := container{Name: instance, Root: p.folder("roots", instance), User: user, Tmpfs: s.Tmpfs}
	c.Args = append(first(s.Entrypoint, i.entrypoint), first(command, s.Command, i.command)...)
	env := map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"}
	maps.Copy(env, i.env)
	for name, value := range s.Environment {
		env[name] = *value
	}
	for name, value := range env {
		if s.GetScale() > 1 { // all addresses are one machine's here, so each takes its own
			value = strings.ReplaceAll(value, "0.0.0.0:", p.addresses[instance]+":")
		}
		c.Env = append(c.Env, name+"="+value)
	}
	c.Binds = p.root(i, instance, user)
	for _, v := range s.Volumes {
		from := v.Source
		if v.Type == types.VolumeTypeVolume {
			from = p.volume(v.Source, i, user)
		}
		if below, ok := strings.CutPrefix(v.Target, "/etc/"); ok { // what it is mounted on, in a folder that is read-only later
			p.folder("etc", instance, below)
		}
		c.Binds = append(c.Binds, bind{From: from, To: v.Target, Writable: !v.ReadOnly})
	}
	return c
}

// first returns a copy of the first list that is not empty.
func first(lists ...[]string) []string {
	for _, l := range lists {
		if len(l) > 0 {
			return slices.Clone(l)
		}
	}
	return nil
}

func (p *place) folder(parts ...string) string {
	p.t.Helper()
	path := filepath.Join(append([]string{p.dir}, parts...)...)
	require.NoError(p.t, os.MkdirAll(path, 0o755))
	return path
}

// volume is the folder of a named volume, new or as it was left; a new one has the folders of the
// image and belongs to the user.
func (p *place) volume(name string, i image, user int) string {
	p.t.Helper()
	path := p.folder("volumes", name)
	for _, folder := range append([]string{"."}, i.folders...) {
		made := p.folder("volumes", name, folder)
		if *start {
			require.NoError(p.t, os.Chown(made, user, user))
		}
	}
	return path
}

// root are the files that a container sees beside its volumes.
func (p *place) root(i image, instance string, user int) []bind {
	p.t.Helper()
	etc := p.folder("etc", instance)
	hosts := "127.0.0.1 localhost\n"
	for name, address := range p.addresses {
		hosts += address + " " + name + "\n"
	}
	for name, text := range map[string]string{
		"hosts": hosts, "nsswitch.conf": "hosts: files\n",
		"passwd": fmt.Sprintf("root:x:0:0::/:/bin/false\nuser:x:%d:%d::/nonexistent:/bin/false\n", user, user),
		"group":  fmt.Sprintf("root:x:0:\nuser:x:%d:\n", user),
	} {
		require.NoError(p.t, os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644))
	}
	p.folder("etc", instance, "ssl", "certs")
	certificates, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	require.NoError(p.t, err, "apt-get install ca-certificates")
	require.NoError(p.t, os.WriteFile(filepath.Join(etc, "ssl", "certs", "ca-certificates.crt"), certificates, 0o644))
	var binds []bind
	if i.machine {
		for _, path := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64"} {
			if _, err := os.Lstat(path); err == nil {
				binds = append(binds, bind{From: path, To: path})
			}
		}
	}
	programs := p.folder("programs", instance)
	for name, from := range i.programs {
		if from == "" || !*start {
			continue
		}
		target := filepath.Join(programs, name)
		if err := os.Link(from, target); err != nil && !os.IsExist(err) {
			content, err := os.ReadFile(from)
			require.NoError(p.t, err, "make e2e-distributed builds it")
			require.NoError(p.t, os.WriteFile(target, content, 0o755))
		}
	}
	return append(append(binds, bind{From: etc, To: "/etc"}, bind{From: programs, To: "/usr/local/bin"}), i.binds...)
}
