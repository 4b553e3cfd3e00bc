//go:build linux

package distributed

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

var start = flag.Bool("start", false, "start the services of docker-compose.yml and run through them; needs root")

// The test binary starts itself again: as what a container's program is made from, and once in a
// network of its own.
const (
	containerVariable = "EVERFOLD_TEST_CONTAINER"
	networkVariable   = "EVERFOLD_TEST_NETWORK"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(containerVariable); text != "" {
		runtime.LockOSThread() // what follows holds for the thread that becomes the program
		fmt.Fprintln(os.Stderr, "container:", become(text))
		os.Exit(125)
	}
	flag.Parse()
	if *start && os.Geteuid() == 0 && os.Getenv(networkVariable) == "" {
		os.Exit(ownNetwork())
	}
	os.Exit(m.Run())
}

// ownNetwork runs this program again in a network that has nothing but a loopback device, and
// returns its exit code.
func ownNetwork() int {
	runtime.LockOSThread() // the child dies with the thread that started it
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), networkVariable+"=own")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "a network of its own:", err)
		return 1
	}
	go func() {
		<-interrupted
		_ = cmd.Process.Kill() // all containers end with it
	}()
	var ended *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &ended) {
		return max(ended.ExitCode(), 1)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "a network of its own:", err)
		return 1
	}
	return 0
}

// loopbackUp switches the loopback device on.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// bind shows a file or folder of the machine in a container.
type bind struct {
	From, To string
	Writable bool
}

// container is what a program is started in. It is passed to the process that becomes it.
type container struct {
	Name  string
	Root  string   // an empty folder, over which the root is mounted
	Binds []bind   // in this order: a later one may lie within an earlier one
	Tmpfs []string // PATH:OPTIONS
	User  int
	Args  []string
	Env   []string
}

// namespaces are a container's own, beside the network that all share.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// become makes the root of a container, gives up every privilege, and becomes its program. It
// returns only what went wrong.
func become(text string) error {
	var c container
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	if err := c.mountRoot(); err != nil {
		return err
	}
	if err := syscall.Chroot(c.Root); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(c.Name)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	if err := c.giveUp(); err != nil {
		return err
	}
	os.Clearenv()
	for _, v := range c.Env {
		name, value, _ := strings.Cut(v, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	program, err := exec.LookPath(c.Args[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", program, syscall.Exec(program, c.Args, c.Env))
}

// devices are those that every container has.
var devices = []string{"null", "zero", "full", "random", "urandom"}

// mountRoot mounts what the container sees below c.Root, at last read-only.
func (c *container) mountRoot() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := c.tmpfs("/", "mode=755,size=1m"); err != nil {
		return err
	}
	for _, entry := range append([]string{"/dev/shm:mode=1777,size=64m"}, c.Tmpfs...) {
		path, options, _ := strings.Cut(entry, ":")
		if err := c.tmpfs(path, options); err != nil {
			return err
		}
	}
	all := c.Binds // after the temporary ones: a checkout may lie in /tmp
	for _, d := range devices {
		all = append(all, bind{From: "/dev/" + d, To: "/dev/" + d, Writable: true})
	}
	for _, b := range all {
		if err := c.bind(b); err != nil {
			return err
		}
	}
	proc := filepath.Join(c.Root, "proc")
	if err := os.MkdirAll(proc, 0o555); err != nil {
		return err
	}
	if err := syscall.Mount("proc", proc, "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := syscall.Mount("", c.Root, "", syscall.MS_REMOUNT|syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NODEV, ""); err != nil {
		return fmt.Errorf("read-only root: %w", err)
	}
	return nil
}

func (c *container) tmpfs(path, options string) error {
	target := filepath.Join(c.Root, path)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	flags := uintptr(syscall.MS_NOSUID | syscall.MS_NODEV)
	if path != "/" {
		flags |= syscall.MS_NOEXEC
	}
	if err := syscall.Mount("tmpfs", target, "tmpfs", flags, options); err != nil {
		return fmt.Errorf("mount tmpfs %s:%s: %w", path, options, err)
	}
	return nil
}

func (c *container) bind(b bind) error {
	target := filepath.Join(c.Root, b.To)
	info, err := os.Lstat(b.From)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	switch {
	case info.Mode()&os.ModeSymlink != 0: // /bin, where it is a link into /usr
		to, err := os.Readlink(b.From)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	case info.IsDir():
		err = os.MkdirAll(target, 0o755)
	default:
		err = os.WriteFile(target, nil, 0o644)
	}
	if err != nil && !errors.Is(err, syscall.EROFS) { // it is there already, in an earlier bind
		return err
	}
	if err := syscall.Mount(b.From, target, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", b.From, b.To, err)
	}
	flags := uintptr(syscall.MS_REMOUNT | syscall.MS_BIND | syscall.MS_NOSUID)
	if !b.Writable {
		flags |= syscall.MS_RDONLY
	}
	if err := syscall.Mount("", target, "", flags, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", b.From, b.To, err)
	}
	return nil
}

// giveUp drops capabilities, becomes the user, and lets no program gain anything again.
func (c *container) giveUp() error {
	for i := range unix.CAP_LAST_CAP + 1 {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(i), 0, 0, 0); err != nil && !errors.Is(err, syscall.EINVAL) { // one that this kernel does not know
			return fmt.Errorf("drop capability %d: %w", i, err)
		}
	}
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("no groups: %w", err)
	}
	if err := syscall.Setgid(c.User); err != nil {
		return fmt.Errorf("group %d: %w", c.User, err)
	}
	if err := syscall.Setuid(c.User); err != nil {
		return fmt.Errorf("user %d: %w", c.User, err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0) // another user's process has lost it
}
