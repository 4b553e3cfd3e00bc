package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"everfold/config"
	"everfold/internal/app"
)

// checkTimeout bounds each check, so that a host that says nothing costs no more.
const checkTimeout = 10 * time.Second

func (p *program) doctorCommand() *cobra.Command {
	var spec specFlags
	var embedded bool
	command := &cobra.Command{
		Use:   "doctor [SPEC]",
		Short: "check the server, workers, store, disk, tracker and alert endpoints",
		Long: `Checks what a run needs: the Temporal server and a worker at each task queue, the store (by an
object that is written, replaced and removed), space on its disk, the tracker, and the alert
endpoints, to which nothing is sent. Each is ok, or the line below says what to do.

With SPEC it checks what that spec names, else the store ` + "`outputs`" + ` and every $EVERFOLD_NOTIFY_…
variable. Alert URLs count where the worker runs: doctor sees its own environment.`,
		Example: "  starter doctor examples/veteran.yaml --embedded\n  starter doctor --embedded --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			c := checkup{program: p, embedded: embedded}
			if len(args) == 1 {
				loaded, err := spec.load(args[0])
				if err != nil {
					return err
				}
				c.spec = loaded
			}
			return c.run(command.Context())
		},
	}
	spec.add(command)
	addEmbedded(command, &embedded)
	p.addJSON(command)
	return command
}

// The states of a finding.
const (
	stateOK     = "ok"
	stateLook   = "look"   // it cannot be judged from here
	stateFailed = "failed" // a run would not do what it should
)

// finding is what one check found.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"`

	code int // the exit code where it failed
}

// checkup collects findings; a check that fails does not keep the next from being made.
type checkup struct {
	program  *program
	spec     *config.Spec // nil: none was given
	embedded bool
	findings []finding
}

func (c *checkup) run(ctx context.Context) error {
	c.server(ctx)
	c.store(ctx)
	c.tracker(ctx)
	c.alerts(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.report()
}

func (c *checkup) add(f finding) { c.findings = append(c.findings, f) }

func (c *checkup) ok(check, format string, args ...any) {
	c.add(finding{Check: check, State: stateOK, Found: fmt.Sprintf(format, args...)})
}

func (c *checkup) failed(check string, code int, do, format string, args ...any) {
	c.add(finding{Check: check, State: stateFailed, Found: fmt.Sprintf(format, args...), Do: do, code: code})
}

// server looks for Temporal and the workers, with --embedded for those of this machine.
func (c *checkup) server(ctx context.Context) {
	err := c.program.withServer(ctx, c.embedded, func(l *link) error {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		queues, err := app.Serving(ctx, l)
		if err != nil {
			return err
		}
		found := fmt.Sprintf("%s answers, namespace %s", l.address, l.namespace)
		if ids := l.keys.IDs(); len(ids) > 0 {
			found += "; what it stores is encrypted by the key " + ids[0]
		}
		c.ok("temporal", "%s", found)
		c.workers(queues)
		c.versions(queues)
		c.shared(l.address)
		return nil
	})
	if err != nil {
		err = refusedError(err)
		do := "start a server, or set TEMPORAL_ADDRESS and the other TEMPORAL_… variables; --embedded needs none"
		if hint := hintOf(err); hint != "" {
			do = hint
		}
		c.failed("temporal", exitCode(err), do, "%v", err)
	}
}

// shared reminds of what only a worker knows: a server on another machine is one that others
// may reach, and workers do with their own rights what the specs of whoever reaches it say.
func (c *checkup) shared(address string) {
	host, _, err := net.SplitHostPort(address)
	if c.embedded || err != nil || host == "localhost" || net.ParseIP(host).IsLoopback() {
		return
	}
	c.add(finding{Check: "limits", State: stateLook, Found: "whoever may start workflows on that server decides what its workers read, write and call",
		Do: "workers that serve others: --allow-data, --allow-store, --allow-host (docs/OPERATIONS.md, Shared workers); a worker's first lines say what it limits"})
}

func (c *checkup) workers(queues []app.Queue) {
	var seen, missing []string
	for _, q := range queues {
		seen = append(seen, fmt.Sprintf("%s %d", q.Name, q.Count()))
		if q.Count() == 0 {
			missing = append(missing, q.Name)
		}
	}
	switch {
	case len(missing) == 0:
		c.ok("workers", "%s", strings.Join(seen, ", "))
	case c.embedded: // it has just been started, and polls soon
		c.add(finding{Check: "workers", State: stateLook, Found: "the embedded worker is starting", Do: "worker.log in $EVERFOLD_HOME, should runs wait"})
	default:
		c.failed("workers", exitUnreachable, "start a worker on this server and namespace: runs wait until there is one",
			"nobody serves %s", strings.Join(missing, ", "))
	}
}

// store tries the store and, where it is a folder, looks at its disk.
func (c *checkup) store(ctx context.Context) {
	uri, err := storeURI(defaultStore)
	where := config.Store{URI: uri}
	if c.spec != nil {
		where = c.spec.Store
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		err = app.TryStore(ctx, where)
	}
	switch {
	case err == nil:
		c.ok("store", "%s: an object was written, replaced, read and removed", where.URI)
	case errors.Is(err, app.ErrStoreUnavailable):
		c.failed("store", exitUnreachable, "make it reachable and writable for this user, or name another (store.uri)", "%s: %v", where.URI, err)
	default:
		c.failed("store", exitUsage, "name another store (store.uri): a local folder, file://DIR or s3://bucket/prefix", "%s: %v", where.URI, err)
	}
	if path, local := config.LocalPath(where.URI); local {
		c.disk(path)
	}
}

// leastFree is what a disk should have left: some runs of 300,000 rows.
const leastFree = 2 << 30

func (c *checkup) disk(path string) {
	free, err := app.FreeSpace(path)
	switch do := "make room, or name a store on another disk (store.uri)"; {
	case err != nil:
		c.failed("disk", exitFailed, do, "%v", err)
	case free < leastFree:
		c.failed("disk", exitFailed, do, "%.1f GB free at %s, want at least %.1f", gigabytes(free), path, gigabytes(leastFree))
	default:
		c.ok("disk", "%.1f GB free at %s", gigabytes(free), path)
	}
}

func gigabytes(bytes uint64) float64 { return float64(bytes) / 1e9 }

// tracker asks the tracking server, by the spec and this environment, whether it would take
// runs. Without a spec it is that of the environment.
func (c *checkup) tracker(ctx context.Context) {
	settings := config.Tracker{Experiment: "doctor", Timeout: config.Duration(checkTimeout)}
	if c.spec != nil {
		settings = c.spec.Tracker
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	uri, err := app.ProbeTracker(ctx, settings, c.program.console.getenv)
	var failed *app.TrackError
	switch {
	case err == nil && uri == "":
		c.ok("tracker", "none configured")
	case err == nil:
		c.ok("tracker", "%s answers", uri)
	case errors.As(err, &failed) && failed.Settings && !c.embedded:
		c.add(finding{Check: "tracker", State: stateLook, Found: err.Error(), Do: "set it where the workers run; doctor checks it there"})
	case errors.As(err, &failed) && failed.Settings:
		c.failed("tracker", exitUsage, "set MLFLOW_TRACKING_URI and the other MLFLOW_… variables, or tracker.uri", "%v", err)
	default:
		c.failed("tracker", exitUnreachable, "runs go on without it, and starter track sync sends what it lacks; is it up, are address and credentials right", "%v", err)
	}
}

// alerts looks at every endpoint and sends nothing.
func (c *checkup) alerts(ctx context.Context) {
	names := c.alertNames()
	if len(names) == 0 {
		c.ok("alerts", "none configured")
	}
	for _, name := range names {
		c.alert(ctx, name)
	}
}

// alertNames are those of the spec, or all that this environment has.
func (c *checkup) alertNames() []string {
	var names []string
	if c.spec != nil {
		for _, entry := range c.spec.Notify {
			names = append(names, app.AlertName(entry))
		}
		return names
	}
	for _, setting := range c.program.services.environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, app.AlertsPrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *checkup) alert(ctx context.Context, name string) {
	url := c.program.console.getenv(name)
	switch {
	case url == "" && c.embedded:
		c.failed("alerts", exitUsage, "set it to a shoutrrr URL: the embedded worker has this environment", "%s is not set", name)
		return
	case url == "":
		c.add(finding{Check: "alerts", State: stateLook, Found: name + " is not set here", Do: "set it where the workers run; doctor checks it there"})
		return
	}
	service, connected, err := app.ReachAlert(ctx, url)
	switch {
	case errors.Is(err, app.ErrAlertURL):
		c.failed("alerts", exitUsage, "docs/OPERATIONS.md, Alerts, has the forms", "%s: %v", name, err)
	case err != nil:
		c.failed("alerts", exitUnreachable, "is the host up, is a firewall between, is the address right", "%s (%s): %v", name, service, err)
	case connected:
		c.ok("alerts", "%s (%s): the host takes a connection; nothing was sent", name, service)
	default:
		c.ok("alerts", "%s (%s): complete; nothing was sent", name, service)
	}
}

// report prints the findings; its error has the code of the first that failed.
func (c *checkup) report() error {
	p, failed, code := c.program, 0, exitOK
	for _, f := range c.findings {
		if f.State == stateFailed {
			failed++
			if code == exitOK {
				code = f.code
			}
		}
	}
	if p.json {
		if err := p.document(struct {
			Checks   []finding `json:"checks"`
			ExitCode int       `json:"exit_code"`
		}{c.findings, code}); err != nil {
			return err
		}
	} else {
		c.present(p.console.screen(false))
	}
	if failed > 0 {
		return fail(code, "", "%d of %s failed", failed, countOf(len(c.findings), "check"))
	}
	return nil
}

func (c *checkup) present(s screen) {
	colours := map[string]text.Color{stateOK: text.FgGreen, stateLook: text.FgYellow, stateFailed: text.FgRed}
	for _, f := range c.findings {
		s.printf("%s %-9s %s\n", s.paint(fmt.Sprintf("%-7s", f.State), colours[f.State]), f.Check, f.Found)
		if f.Do != "" {
			s.printf("%17s → %s\n", "", f.Do)
		}
	}
}
