package embedded

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	firstBackoff   = 100 * time.Millisecond
	longestBackoff = 5 * time.Second
	// stable is how long a program lives before an early death is forgiven.
	stable = 30 * time.Second
)

// program is a child's command line, and what it inherits.
type program struct {
	argv  []string
	env   []string
	out   *os.File   // standard output and error
	extra []*os.File // from file descriptor 3
	attr  *syscall.SysProcAttr
}

// child is a running program. Its standard input is a pipe that only this process holds
// and never writes: it ends with this process.
type child struct {
	cmd  *exec.Cmd
	pipe io.Closer
	born time.Time
	done chan struct{} // closed when it has ended
}

// start starts the program in a process group of its own, so that an interrupt typed at
// the terminal reaches the starter alone.
func (p program) start() (*child, error) {
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = p.env, p.out, p.out, p.extra
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.attr != nil {
		cmd.SysProcAttr = p.attr
	}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.argv[0], err)
	}
	c := &child{cmd: cmd, pipe: pipe, born: time.Now(), done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(c.done)
	}()
	return c, nil
}

// end sends SIGTERM, after grace SIGKILL, and returns when the child has ended.
func (c *child) end(grace time.Duration) {
	if grace > 0 {
		_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		select {
		case <-c.done:
			return
		case <-time.After(grace):
		}
	}
	_ = c.cmd.Process.Kill()
	<-c.done
}

// keeper keeps a program running: a child that dies is replaced.
type keeper struct {
	name    string
	program program
	grace   time.Duration // between SIGTERM and SIGKILL
	started func(pid int) // told of each replacement
	log     *slog.Logger

	quit  chan struct{}
	ended chan struct{}
}

// keep watches c, which runs k's program, from a goroutine of its own until stop.
func (k *keeper) keep(c *child) {
	k.quit, k.ended = make(chan struct{}), make(chan struct{})
	go k.run(c)
}

func (k *keeper) run(c *child) {
	defer close(k.ended)
	wait := firstBackoff
	for c != nil {
		select {
		case <-k.quit:
			c.end(k.grace)
			return
		case <-c.done:
		}
		if time.Since(c.born) > stable {
			wait = firstBackoff
		}
		k.log.Warn("the embedded "+k.name+" has ended and is started again",
			"state", c.cmd.ProcessState.String(), "wait", wait, "log", k.program.out.Name())
		c = k.again(&wait)
	}
}

// again starts the program, trying until that works; nil when the keeper is stopped.
func (k *keeper) again(wait *time.Duration) *child {
	for {
		select {
		case <-k.quit:
			return nil
		case <-time.After(*wait):
		}
		*wait = min(2**wait, longestBackoff)
		c, err := k.program.start()
		if err == nil {
			k.started(c.cmd.Process.Pid)
			return c
		}
		k.log.Warn("cannot start the embedded "+k.name, "error", err, "wait", *wait)
	}
}

// stop ends the child and returns when it has ended. It is called once.
func (k *keeper) stop() {
	close(k.quit)
	<-k.ended
}
