//go:build linux

package machines

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"everfold/artifact"
	"everfold/testsuite/harness"
)

// disturb sees every request of a machine to S3: it answers itself, calls serve, or both.
type disturb func(w http.ResponseWriter, r *http.Request, serve http.Handler)

// machine is where one worker runs: a disk and a link of its own.
type machine struct {
	t        testing.TB
	name     string
	disk     string
	temporal *relay
	s3       *relay
	fetched  atomic.Int64 // how often the prepared table went over its link
}

// numbered is how many machines this process has made.
var numbered atomic.Int64

// machine adds a machine to the lab. Where d is nil nothing is between it and S3 but its link, and
// nothing is counted.
func (l *lab) machine(d disturb) *machine {
	l.t.Helper()
	n := numbered.Add(1)
	m := &machine{t: l.t, name: fmt.Sprintf("m%d", n)}
	m.disk = filepath.Join(l.disks, m.name)
	require.NoError(l.t, os.Mkdir(m.disk, 0o700))
	host := "127.0.0.1"
	if separate {
		host = fmt.Sprintf("10.77.%d.1", n)
		m.connect(host, fmt.Sprintf("10.77.%d.2", n))
		require.NoError(l.t, unix.Mount("tmpfs", m.disk, "tmpfs", 0, "size=16m"))
		l.t.Cleanup(func() { require.NoError(l.t, unix.Unmount(m.disk, unix.MNT_DETACH)) })
	}
	for _, folder := range []string{"home", "tmp"} {
		require.NoError(l.t, os.Mkdir(filepath.Join(m.disk, folder), 0o700))
	}
	m.temporal = newRelay(l.t, host, l.server.Address)
	url := l.bucket.URL
	if d != nil {
		url = l.bucket.Proxy(l.t, m.counting(d))
	}
	m.s3 = newRelay(l.t, host, strings.TrimPrefix(url, "http://"))
	return m
}

// connect gives the machine a network that ends at this process's.
func (m *machine) connect(here, there string) {
	m.t.Helper()
	m.command("ip", "netns", "add", m.name)
	m.t.Cleanup(func() { m.command("ip", "netns", "delete", m.name) })
	m.command("ip", "link", "add", m.name, "type", "veth", "peer", "name", "eth0", "netns", m.name)
	m.command("ip", "addr", "add", here+"/24", "dev", m.name)
	m.command("ip", "link", "set", m.name, "up")
	for _, args := range [][]string{{"link", "set", "lo", "up"}, {"addr", "add", there + "/24", "dev", "eth0"}, {"link", "set", "eth0", "up"}} {
		m.command("ip", append([]string{"-n", m.name}, args...)...)
	}
}

func (m *machine) command(name string, args ...string) {
	m.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(m.t, err, "%s %s: %s", name, strings.Join(args, " "), out)
}

// counting counts how often the prepared table is fetched.
func (m *machine) counting(d disturb) disturb {
	return func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
		table := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/"+artifact.PreparedKey)
		d(w, r, serve)
		if table && r.Context().Err() == nil {
			m.fetched.Add(1)
		}
	}
}

// cut takes the machine off the network; heal brings it back.
func (m *machine) cut() {
	m.t.Helper()
	if separate {
		m.command("ip", "link", "set", m.name, "down")
		return
	}
	m.temporal.cut()
	m.s3.cut()
}

func (m *machine) heal() {
	m.t.Helper()
	if separate {
		m.command("ip", "link", "set", m.name, "up")
		return
	}
	m.temporal.heal()
	m.s3.heal()
}

// own runs a program with the machine's disk alone where all the machines' disks are.
const own = `mount --bind "$DISK" /mnt && mount -t tmpfs none "$(dirname "$DISK")" && mkdir "$DISK" && mount --move /mnt "$DISK" && exec "$@"`

// start starts a program on the machine and waits until its worker serves.
func (m *machine) start(set []string, program string, args ...string) *harness.Process {
	m.t.Helper()
	env := harness.Env{Address: m.temporal.address, Dir: m.disk, Set: append([]string{
		"DISK=" + m.disk, "HOME=" + filepath.Join(m.disk, "home"), "TMPDIR=" + filepath.Join(m.disk, "tmp"),
		"AWS_ENDPOINT_URL_S3=http://" + m.s3.address,
	}, append(harness.S3Keys(), set...)...)}
	if separate {
		args = append([]string{"--net=/run/netns/" + m.name, "unshare", "--mount", "sh", "-c", own, "sh", program}, args...)
		program = "nsenter"
	}
	p := harness.StartProgram(m.t, env, program, args...)
	p.WaitFor("worker is serving")
	return p
}

// worker starts an unmodified bin/worker on the machine.
func (m *machine) worker(args ...string) *harness.Process {
	m.t.Helper()
	return m.start(nil, harness.WorkerBinary(m.t), append(args, "--name", m.name)...)
}

// watched starts a watched worker for fits on the machine.
func (m *machine) watched(w watched) *harness.Process {
	m.t.Helper()
	w.Name, w.Held, w.Release = m.name, m.held(), m.release()
	self, variable := harness.Watched(m.t, w)
	return m.start([]string{variable}, self)
}

func (m *machine) held() string    { return filepath.Join(m.disk, "held") }
func (m *machine) release() string { return filepath.Join(m.disk, "release") }

// heldFold waits until the watched worker keeps a fold's manifest back; let has it write.
func (m *machine) heldFold() (task artifact.Task) {
	m.t.Helper()
	harness.Eventually(m.t, "a fold is in hand", func() bool {
		text, err := os.ReadFile(m.held())
		return err == nil && json.Unmarshal(text, &task) == nil // else it is not there, or half of it
	})
	return task
}

func (m *machine) let() {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(m.release(), nil, 0o600))
}
