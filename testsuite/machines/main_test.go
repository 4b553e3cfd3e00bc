//go:build linux

package machines

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"everfold/testsuite/harness"
)

const (
	insideRole = "EVERFOLD_TEST_INSIDE"     // set in the process that is in namespaces of its own
	choice     = "EVERFOLD_TEST_NAMESPACES" // off: none are made

	exitRefused = 97 // of the process inside: it may not make what machines need
)

// separate says that machines have networks and disks of their own.
var separate bool

func TestMain(m *testing.M) {
	harness.PlayWatched(watched.options)
	if os.Getenv(insideRole) != "" {
		if out, err := exec.Command("sh", "-c", settle).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %s", err, out)
			os.Exit(exitRefused)
		}
		separate = true
		os.Exit(m.Run())
	}
	if os.Getenv(choice) != "off" {
		code, err := enter()
		if err == nil {
			os.Exit(code)
		}
		fmt.Fprintln(os.Stderr, "machines: without namespaces, links are relays:", err)
	}
	os.Exit(m.Run())
}

// settle makes the process's new namespaces fit for machines, and tries everything that these
// need.
const settle = `set -e
mount --make-rprivate /
mount -t tmpfs none /run
ip link set lo up
ip netns add trial
ip link add trial type veth peer name eth0 netns trial
ip addr add 10.77.0.1/24 dev trial
nsenter --net=/run/netns/trial unshare --mount true
ip netns delete trial
`

// enter runs the tests in a process with namespaces of its own and returns its exit code. An
// error says why that is not possible.
func enter() (int, error) {
	// In there is no network: what building the programs needs is fetched now.
	if out, err := exec.Command("go", "list", "-deps", "everfold/starter", "everfold/worker").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go list: %w\n%s", err, out)
	}
	flags := []uintptr{syscall.CLONE_NEWUSER}
	if os.Geteuid() == 0 {
		flags = []uintptr{0, syscall.CLONE_NEWUSER}
	}
	var refused error
	for _, flag := range flags {
		code, err := again(flag)
		if err == nil {
			return code, nil
		}
		refused = errors.Join(refused, err)
	}
	return 0, refused
}

// again starts this program again, with the same arguments, inside.
func again(flag uintptr) (int, error) {
	runtime.LockOSThread() // the child's life ends with the thread that started it
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideRole+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | flag}
	if flag != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("namespaces: %w", err)
	}
	_ = cmd.Wait() // the exit code is in ProcessState
	code := cmd.ProcessState.ExitCode()
	if code == exitRefused {
		return 0, errors.New("namespaces: refused, see above")
	}
	return code, nil
}
