// Package embedded runs Temporal's dev server and bin/worker as children of the starter,
// for people who have no server: `starter --embedded` and `starter quickstart`.
//
//	starter ─ pipe ─ supervisor (starter __supervise) ─ temporal server start-dev
//	        └ pipe ─ bin/worker --exit-with-parent
//
// A child lives no longer than its starter, however that ends: each reads a pipe that
// nobody else holds, and ends with it. The supervisor exists because the temporal program
// reads no pipe; it kills it, and on Linux the kernel does where the supervisor is killed
// too. Every child that dies alone is started again, on the same ports and database.
//
// One starter, the owner, runs the children of one home folder. It holds a lock on
// everfold.lock beside the database, in which ports and process ids stand. Others attach to
// its server; when the owner ends, one of them becomes the owner, on the same ports. The
// temporal program holds server.lock as long as it lives, so two never write one database.
// A server is known by an empty namespace named after its home, so that no starter takes
// another server on the same port for its own.
//
// Preconditions: Unix, a home folder on a local file system (flock). The server listens on
// loopback only and has no access control: whoever can log in to the machine can use it.
// Non-goals: production servers, several hosts.
package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	// readyTimeout bounds the start: a second is usual, a cold disk and a busy machine
	// take longer.
	readyTimeout = 60 * time.Second
	// pollEvery paces what can only be polled: the server's port and another's lock.
	pollEvery = 20 * time.Millisecond
	// takeoverEvery is how soon an attached starter notices that the owner has ended.
	takeoverEvery = 250 * time.Millisecond
	// workerGrace is added to the worker's own stop timeout before it is killed.
	workerGrace = 4 * time.Second
	// serverGrace: the server takes seconds to leave, and its database survives a kill.
	serverGrace = 3 * time.Second
	// startsOnFreePorts is how often free ports are looked for when somebody else takes
	// them between the looking and the server's start.
	startsOnFreePorts = 3
)

// Options say which programs to run and where. Make them by FromEnvironment.
type Options struct {
	Home       string        // folder of the database, lock and logs; created
	Temporal   string        // the Temporal CLI
	Supervisor []string      // command line that ends in Supervise; more arguments are appended
	Worker     []string      // command line of the worker; it must end when its standard input does
	StopGrace  time.Duration // the worker's own stop timeout; 0: 8 s
	Env        []string      // environment of the children
	Attributes []string      // search attributes that the server learns, NAME=TYPE
	Logger     *slog.Logger  // nil: slog.Default()
}

// Embedded is a server that answers, and this starter's part in it.
type Embedded struct {
	options Options
	home    home
	log     *slog.Logger
	state   state

	cancel context.CancelFunc // ends the takeover goroutine and the children's keepers
	idle   sync.WaitGroup

	mu   sync.Mutex
	lock *os.File // held: this starter is the owner
	kept []*keeper
	stop sync.Once
}

// Ensure returns a server that answers: a running one of the same home folder, or a new
// one with a worker. It returns once the server is ready; the worker may still be starting.
// ctx bounds the start alone; the server runs until Stop or the end of the process.
func Ensure(ctx context.Context, o Options) (*Embedded, error) {
	o.Logger = cmp.Or(o.Logger, slog.Default())
	o.StopGrace = cmp.Or(o.StopGrace, 8*time.Second)
	h, err := openHome(o.Home)
	if err != nil {
		return nil, err
	}
	for _, program := range []string{o.Temporal, o.Supervisor[0], o.Worker[0]} {
		if err := executable(program); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	e := &Embedded{options: o, home: h, log: o.Logger}
	if err := e.begin(ctx); err != nil {
		return nil, fmt.Errorf("embedded Temporal server: %w", err)
	}
	return e, nil
}

// begin becomes the owner or attaches to one, whichever is possible first.
func (e *Embedded) begin(ctx context.Context) error {
	running, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	for {
		lock, former, err := e.home.tryLock()
		if err != nil {
			cancel()
			return err
		}
		if lock != nil {
			if err := e.own(ctx, lock, former); err != nil {
				e.Stop()
				return err
			}
			return nil
		}
		if former.Port != 0 && e.home.served(former) && answers(ctx, e.home, former.address()) {
			e.state = former
			e.idle.Go(func() { e.awaitTakeover(running) })
			return nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			cancel()
			return fmt.Errorf("another starter holds %s, but its server does not answer: %w", e.home.lockPath(), err)
		}
	}
}

// own starts the children on the former ports where they are free, else on free ones.
func (e *Embedded) own(ctx context.Context, lock *os.File, former state) error {
	e.lock = lock
	for try := 1; ; try++ {
		next, err := choosePorts(former)
		if err != nil {
			return err
		}
		err = e.launch(ctx, next)
		if !errors.Is(err, errPortTaken) || try == startsOnFreePorts {
			return err
		}
		former.Port, former.UIPort = 0, 0
	}
}

// Address is the server's host:port, fixed until Stop.
func (e *Embedded) Address() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.address()
}

// UI is the address of Temporal's Web UI.
func (e *Embedded) UI() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return "http://127.0.0.1:" + strconv.Itoa(e.state.UIPort)
}

// Owner reports whether the server is this starter's child, rather than another's.
func (e *Embedded) Owner() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lock != nil
}

// awaitTakeover waits until the owner has ended, then takes its place. The ports stay,
// because clients are connected to them.
func (e *Embedded) awaitTakeover(ctx context.Context) {
	for pause(ctx, takeoverEvery) == nil {
		lock, former, err := e.home.tryLock()
		if err != nil || lock == nil {
			continue
		}
		e.mu.Lock()
		e.lock = lock
		former.Port, former.UIPort = e.state.Port, e.state.UIPort
		e.mu.Unlock()
		e.log.Info("the starter that ran the embedded server has ended; this one goes on with it", "address", former.address())
		for {
			err := e.launch(ctx, former)
			if err == nil || ctx.Err() != nil {
				return
			}
			e.log.Warn("the embedded server does not start and is tried again", "error", err)
			_ = pause(ctx, longestBackoff) // launch and the check after it see ctx end
		}
	}
}

// Stop ends the children where they are this starter's: the worker has its stop timeout to
// save checkpoints, then the server leaves. Stop may be called twice.
func (e *Embedded) Stop() {
	e.stop.Do(func() {
		e.cancel()
		e.idle.Wait()
		e.stopChildren()
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.lock == nil {
			return
		}
		// The next start takes the usual ports again. After a kill it keeps the former ones:
		// clients of the lost server may be waiting for it there.
		e.state = state{Server: e.state.Server}
		if err := e.home.write(e.lock, e.state); err != nil {
			e.log.Warn("the embedded server's lock file is out of date", "error", err)
		}
		_ = e.lock.Close() // releases the lock
		e.lock = nil
	})
}
