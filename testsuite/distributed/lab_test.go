//go:build linux

package distributed

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// patience bounds every wait; a busy machine is slow, a hang is forever.
const patience = 5 * time.Minute

// lab runs the services as `docker compose` would.
type lab struct {
	*place
	self    string // the test binary
	running map[string]*harness.Process
	peak    map[string]int64 // proportional memory of a container, the most that was seen
}

func newLab(t *testing.T, specs string) *lab {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	l := &lab{place: newPlace(t, specs), self: self, running: map[string]*harness.Process{}, peak: map[string]int64{}}
	t.Cleanup(func() { // what they wrote last says why
		if t.Failed() {
			t.Logf("running: %v", slices.Sorted(maps.Keys(l.running)))
		}
	})
	return l
}

// launch starts a container.
func (l *lab) launch(c container) *harness.Process {
	l.t.Helper()
	text, err := json.Marshal(c)
	require.NoError(l.t, err)
	return harness.StartIn(l.t, namespaces, []string{containerVariable + "=" + string(text)}, l.self, "as", c.Name)
}

// once runs a container to its end and returns its exit code and what it wrote.
func (l *lab) once(c container) (code int, stdout, stderr string) {
	l.t.Helper()
	c.Name += "-once"
	c.Root = l.folder("roots", c.Name)
	p := l.launch(c)
	l.wait(c.Name+" has ended", func() bool { return ended(p) })
	return p.ExitCode(), p.Stdout(), p.Stderr()
}

func ended(p *harness.Process) bool {
	select {
	case <-p.Exited():
		return true
	default:
		return false
	}
}

// wait returns once the condition holds. Meanwhile it looks how much memory containers take.
func (l *lab) wait(what string, condition func() bool) {
	l.t.Helper()
	limit := time.After(patience)
	for n := 0; !condition(); n++ {
		if n%10 == 0 {
			l.measure()
		}
		select {
		case <-limit:
			l.t.Fatalf("not in %v: %s", patience, what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// up starts a service and what it needs, in the order of the file, and returns once it is ready:
// healthy, or, a one-shot, at its end.
func (l *lab) up(service string) {
	l.t.Helper()
	s := l.project.Services[service]
	for needed := range s.DependsOn {
		if _, up := l.running[instances(l.project.Services[needed])[0]]; !up {
			l.up(needed)
		}
	}
	for _, instance := range instances(s) {
		l.restart(service, instance)
	}
	l.t.Logf("%s is up", service)
}

// restart starts one container of a service and returns once it is ready.
func (l *lab) restart(service, instance string) {
	l.t.Helper()
	s := l.project.Services[service]
	c := l.container(service, instance)
	if s.HealthCheck == nil {
		code, out, errs := l.once(c)
		require.Zero(l.t, code, "%s\n%s%s", service, out, errs)
		l.running[instance] = nil
		return
	}
	p := l.launch(c)
	l.running[instance] = p
	check := c
	check.Args = s.HealthCheck.Test[1:]
	l.wait(instance+" is healthy", func() bool {
		require.False(l.t, ended(p), "%s has ended:\n%s%s", instance, p.Stdout(), p.Stderr())
		code, _, _ := l.once(check)
		return code == 0
	})
}

// kill ends a container by SIGKILL and starts it again.
func (l *lab) kill(service, instance string) {
	l.t.Helper()
	l.running[instance].Kill()
	began := time.Now()
	l.restart(service, instance)
	l.t.Logf("%s was killed, and healthy again after %.1f s", instance, time.Since(began).Seconds())
}

// starter runs a command of `docker compose run --rm starter` and returns what it wrote.
func (l *lab) starter(command ...string) string {
	l.t.Helper()
	return l.run("starter", command...)
}

// run runs a command in a container of a service; it must end with 0.
func (l *lab) run(service string, command ...string) string {
	l.t.Helper()
	code, out, errs := l.once(l.container(service, service+"-run", command...))
	require.Zero(l.t, code, "%s %v\n%s%s", service, command, out, errs)
	return out
}

// stop ends every container as `docker compose stop` does: none may need to be killed.
func (l *lab) stop() {
	l.t.Helper()
	for _, service := range []string{"worker", "temporal-ui", "mlflow", "temporal", "s3", "postgres"} {
		s := l.project.Services[service]
		signal := syscall.SIGTERM
		if service == "postgres" {
			signal = syscall.SIGINT // its image's: without waiting for clients
		}
		for _, instance := range instances(s) {
			p := l.running[instance]
			p.Signal(signal)
			limit := time.After(time.Duration(*s.StopGracePeriod))
			select {
			case <-p.Exited():
				l.t.Logf("%s stopped, exit code %d", instance, p.ExitCode())
				if service == "worker" || service == "postgres" {
					require.Zero(l.t, p.ExitCode(), instance)
				}
			case <-limit:
				l.t.Errorf("%s does not stop within its grace period, %v", instance, *s.StopGracePeriod)
				p.Kill()
			}
		}
	}
}

// measure adds up what the processes of each container hold, shared pages by their share.
func (l *lab) measure() {
	parents := map[int]int{}
	folders, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(l.t, err)
	held := map[int]int64{}
	for _, folder := range folders {
		var pid, parent int
		var kilobytes int64
		status, err := os.ReadFile(folder + "/status")
		if err != nil {
			continue // it has ended
		}
		_, _ = fmt.Sscan(filepath.Base(folder), &pid)
		parent = int(field(string(status), "PPid:"))
		rollup, err := os.ReadFile(folder + "/smaps_rollup")
		if err == nil {
			kilobytes = field(string(rollup), "Pss:")
		}
		parents[pid], held[pid] = parent, kilobytes<<10
	}
	for instance, p := range l.running {
		if p == nil || ended(p) {
			continue
		}
		var sum int64
		for pid := range held {
			for up := pid; up > 1; up = parents[up] {
				if up == p.PID() {
					sum += held[pid]
					break
				}
			}
		}
		l.peak[instance] = max(l.peak[instance], sum)
	}
}

// field is the number after a label in a file of /proc.
func field(text, label string) int64 {
	_, after, _ := strings.Cut(text, label)
	var n int64
	_, _ = fmt.Sscan(after, &n)
	return n
}

// requireRoom says what each container took at most, and that it has room below its limit.
func (l *lab) requireRoom() {
	l.t.Helper()
	for _, instance := range slices.Sorted(maps.Keys(l.peak)) {
		limit := l.limit(instance)
		l.t.Logf("%-12s took %4d MB of %4d MB", instance, l.peak[instance]>>20, limit>>20)
		require.Less(l.t, l.peak[instance], limit*9/10, instance)
	}
}

func (l *lab) limit(instance string) int64 {
	for _, s := range l.project.Services {
		if slices.Contains(instances(s), instance) {
			return int64(s.Deploy.Resources.Limits.MemoryBytes)
		}
	}
	return 0
}

// longLived are the services that keep running.
func longLived(project *types.Project) []string {
	var names []string
	for name, s := range project.Services {
		if s.HealthCheck != nil {
			names = append(names, name)
		}
	}
	return names
}
