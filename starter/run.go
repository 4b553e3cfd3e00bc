package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"everfold/config"
	"everfold/internal/app"
)

func (p *program) runCommand() *cobra.Command {
	var spec specFlags
	var asked requestFlags
	var embedded, detach bool
	command := &cobra.Command{
		Use:   "run SPEC",
		Short: "start, resume or attach to a run",
		Long: `Starts the run that SPEC describes, or goes on where it was: complete folds are reused. If it
is running already by the same spec, the starter attaches and watches.

Ctrl-C ends the watching; the run goes on. With --embedded the run lives in this starter's own
server and worker: Ctrl-C makes it save a checkpoint and stop, and the same command goes on.`,
		Example: "  starter run examples/veteran.yaml --embedded\n" +
			"  starter run examples/veteran.yaml --embedded --set models.cox_ph.alpha=1 --run veteran-ridge\n" +
			"  starter run examples/veteran.yaml --embedded --force cox_ph:2 --json",
		Args: exactArgs("SPEC"),
		RunE: func(command *cobra.Command, args []string) error {
			if embedded && detach {
				return usageError("leave --embedded out and use a Temporal server that goes on without this program",
					"--detach cannot be combined with --embedded: the embedded server ends with the starter")
			}
			loaded, err := spec.load(args[0])
			if err != nil {
				return err
			}
			request, err := asked.request(command, loaded)
			if err != nil {
				return err
			}
			if len(loaded.Notify) > 0 {
				if request.Start, err = spec.start(args[0], loaded, embedded); err != nil {
					return err
				}
			}
			return p.drive(command.Context(), drive{spec: loaded, request: request, embedded: embedded, detach: detach})
		},
	}
	spec.add(command)
	asked.add(command)
	command.Flags().BoolVar(&embedded, "embedded", false, "use a Temporal server and worker of its own, kept in $EVERFOLD_HOME")
	command.Flags().BoolVar(&detach, "detach", false, "start and return; the run goes on (not with --embedded)")
	p.addJSON(command)
	return command
}

// drive is one start of a run.
type drive struct {
	spec     *config.Spec
	request  config.Request
	embedded bool
	detach   bool
}

// drive connects, starts the run and watches it to its end.
func (p *program) drive(ctx context.Context, d drive) (err error) {
	p.drives = true
	s := p.console.screen(p.json)
	run := runRef{kind: string(d.spec.Type), name: d.spec.Run}
	if _, err := (&app.Stores{}).Open(ctx, d.spec.Store); err != nil {
		return err // no worker of this release could open it either
	}
	l, err := p.connect(ctx, d.embedded)
	if err != nil {
		return err
	}
	defer func() { l.close(&err) }()
	execution, attached, err := startOrAttach(ctx, l, d.spec, d.request)
	if err != nil {
		return err
	}
	e := newEnding(run, execution, l)
	e.Output = run.dir(d.spec.Store.URI)
	p.announce(s, e, attached)
	if d.detach {
		return p.leave(s, e)
	}
	return p.watch(ctx, s, l, e, run)
}

// announce says what was started.
func (p *program) announce(s screen, e *ending, attached bool) {
	verb := "started"
	if attached {
		verb = "is running already by the same spec: watching it"
	}
	s.printf("%s %s\n", e.Run, verb)
	if e.WebUI != "" {
		s.printf("%s %s\n", label(s, "Web UI"), e.WebUI)
	}
}

// leave ends `run --detach`.
func (p *program) leave(s screen, e *ending) error {
	e.Outcome = outcomeRunning
	if p.json {
		return p.document(e)
	}
	s.printf("%s starter watch %s\n%s starter cancel %s\n", label(s, "Watch"), e.Run, label(s, "Cancel"), e.Run)
	return nil
}

// watch follows an execution to its end and presents it.
func (p *program) watch(ctx context.Context, s screen, l *link, e *ending, run runRef) error {
	began := time.Now()
	err := p.attend(ctx, s, l, e, run)
	if p.json {
		if documentErr := p.document(e); documentErr != nil {
			return documentErr
		}
		return err
	}
	if presentErr := e.present(s, run, time.Since(began)); presentErr != nil {
		return presentErr
	}
	return err
}

// attend follows an execution to its end, which e then tells, and returns what the program
// ends with.
func (p *program) attend(ctx context.Context, s screen, l *link, e *ending, run runRef) error {
	f := newFollower(l, run, e.ExecutionID, newView(s, run))
	result, err := f.follow(ctx)
	if interrupted(ctx, err) {
		if s.live {
			s.printf("\r\x1b[K") // the terminal's "^C"
		}
		if l.owned() {
			s.printf("stopping: the worker saves a checkpoint …\n")
		}
		err = interruption(run, l.owned(), p.typed())
	}
	e.ExecutionID, e.Embedded = f.execution, l.owned()
	if p.drives {
		e.again = p.typed()
	}
	return e.finish(run, result, err)
}

// interruption is what Ctrl-C means: to the run, nothing, unless its server ends with us.
func interruption(run runRef, owned bool, again string) error {
	if owned {
		return fail(exitInterrupted, "go on where it was: "+again, "interrupted: %s has stopped, and its embedded worker has saved a checkpoint", run)
	}
	return fail(exitInterrupted, "watch it: starter watch "+run.String()+"\ncancel it: starter cancel "+run.String(),
		"interrupted: %s goes on", run)
}
