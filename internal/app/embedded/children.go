package embedded

import (
	"context"
	"os"
	"slices"
	"time"
)

// launch starts the server and the worker on the ports of s, waits until the server
// answers, and keeps both running.
func (e *Embedded) launch(ctx context.Context, s state) error {
	var err error
	if s.Server, err = identify(ctx, e.options.Temporal, e.options.Env, s.Server); err != nil {
		return err
	}
	s.Starter, s.Supervisor, s.Worker = os.Getpid(), 0, 0
	if err := e.record(func(now *state) { *now = s }); err != nil {
		return err
	}
	server, log, err := e.supervisor(s)
	if err != nil {
		return err
	}
	worker, err := e.worker(s)
	if err != nil {
		return err
	}
	serverChild, err := server.program.start()
	if err != nil {
		return err
	}
	workerChild, err := worker.program.start() // it waits for the server by itself
	if err != nil {
		serverChild.end(server.grace)
		return err
	}
	if err := awaitReady(ctx, e.home, s.address(), serverChild.done); err != nil {
		workerChild.end(0)
		serverChild.end(server.grace)
		return explain(err, log, e.home.database(s.Server.Version))
	}
	if err := created(e.home.database(s.Server.Version)); err != nil {
		workerChild.end(0)
		serverChild.end(server.grace)
		return err
	}
	server.started(serverChild.cmd.Process.Pid)
	worker.started(workerChild.cmd.Process.Pid)
	server.keep(serverChild)
	worker.keep(workerChild)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept = []*keeper{server, worker}
	return nil
}

func (e *Embedded) supervisor(s state) (*keeper, *logFile, error) {
	log, err := openLog(e.home.path("temporal.log"))
	if err != nil {
		return nil, nil, err
	}
	return &keeper{
		name: "server", grace: serverGrace + time.Second, log: e.log,
		program: program{
			argv: slices.Concat(e.options.Supervisor, superviseArgs(e.home, e.options.Temporal, s, e.options.Attributes)),
			env:  e.options.Env, out: log.File,
		},
		started: func(pid int) { e.recordPID(func(s *state) { s.Supervisor = pid }) },
	}, log, nil
}

func (e *Embedded) worker(s state) (*keeper, error) {
	log, err := openLog(e.home.path("worker.log"))
	if err != nil {
		return nil, err
	}
	return &keeper{
		name: "worker", grace: e.options.StopGrace + workerGrace, log: e.log,
		program: program{
			argv: e.options.Worker, env: slices.Concat(e.options.Env, connection(s.address())), out: log.File,
		},
		started: func(pid int) { e.recordPID(func(s *state) { s.Worker = pid }) },
	}, nil
}

// record changes the state, here and in the lock file.
func (e *Embedded) record(change func(*state)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.state)
	return e.home.write(e.lock, e.state)
}

// recordPID is record for what only people read: a full disk then stops nothing.
func (e *Embedded) recordPID(change func(*state)) {
	if err := e.record(change); err != nil {
		e.log.Warn("the embedded server's lock file is out of date", "error", err)
	}
}

// stopChildren stops the worker first, so that it can report to the server.
func (e *Embedded) stopChildren() {
	e.mu.Lock()
	kept := e.kept
	e.kept = nil
	e.mu.Unlock()
	for i := len(kept) - 1; i >= 0; i-- {
		kept[i].stop()
	}
}
