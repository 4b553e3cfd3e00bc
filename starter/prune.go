package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

// quiet is for how long nothing was written to a run that is taken for not running, where
// no server can be asked.
const quiet = time.Hour

// pruneFlags are the flags of prune.
type pruneFlags struct {
	retention               retentionFlags
	store, kind, name       string
	dryRun, force, embedded bool
}

func (p *program) pruneCommand() *cobra.Command {
	var f pruneFlags
	command := &cobra.Command{
		Use:   "prune",
		Short: "remove old runs from a store",
		Long: `Removes runs, their files and models that --keep and --max-age do not keep. The runs of each type
that --name matches are one sequence, by when they were last started. --keep counts finished runs:
one that failed goes with those around it.

Never removed: a run that is running, the newest finished run that verifies, and the run with the
best C-index (unless --keep-best=false). Whether a run is running the configured Temporal server
is asked, by the run's lock. Where none is configured, runs that were written to within the last
hour, or have a fit that began within its fit_timeout, count as running (unless --force: it spares
only what was started within that hour where a removal had been interrupted).

A prune that is interrupted at any moment leaves no half of a run that would pass for a whole one;
the next prune finishes it. --dry-run shows what would be done.`,
		Example: "  starter prune --keep 14 --dry-run\n" +
			"  starter prune --type production --name 'churn-*' --keep 30 --max-age 90d",
		Args: exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			o, uri, err := f.options()
			if err != nil {
				return err
			}
			return p.askingLocks(command.Context(), f.embedded, &o, func() error {
				return p.prune(command.Context(), uri, f.types(), o)
			})
		},
	}
	addStore(command, &f.store)
	f.retention.add(command)
	flags := command.Flags()
	flags.StringVar(&f.kind, "type", "", "only runs of this type: sample or production (default: both, each by itself)")
	flags.StringVar(&f.name, "name", "", "only runs of such names, * stands for anything: 'churn-*'")
	flags.BoolVar(&f.dryRun, "dry-run", false, "remove nothing, say what would be")
	flags.BoolVar(&f.force, "force", false, "without a server: remove also runs that were written to, or began a fit, lately")
	addEmbedded(command, &f.embedded)
	p.addJSON(command)
	return command
}

func (f *pruneFlags) options() (o artifact.PruneOptions, uri string, err error) {
	if f.kind != "" && f.kind != string(config.Sample) && f.kind != string(config.Production) {
		return o, "", usageError("", "--type %q is not known: sample or production", f.kind)
	}
	if _, err := path.Match(f.name, ""); err != nil {
		return o, "", usageError("* stands for anything, ? for one character, [ab] for one of these", "--name %q is not a pattern", f.name)
	}
	retention, err := f.retention.retention()
	if err != nil {
		return o, "", err
	}
	if retention.IsZero() {
		return o, "", usageError("--keep 14 keeps the newest 14 finished runs, --max-age 90d those of the last 90 days", "give --keep, --max-age or both")
	}
	o = artifact.PruneOptions{Retention: retention, Now: time.Now(), DryRun: f.dryRun, Quiet: quiet, Force: f.force}
	if f.name != "" {
		o.Matches = func(name string) bool { ok, _ := path.Match(f.name, name); return ok }
	}
	uri, err = storeURI(f.store)
	return o, uri, err
}

func (f *pruneFlags) types() []config.RunType {
	if f.kind != "" {
		return []config.RunType{config.RunType(f.kind)}
	}
	return []config.RunType{config.Production, config.Sample}
}

// askingLocks acts with a way to ask for locks, where there is a server to ask.
func (p *program) askingLocks(ctx context.Context, embedded bool, o *artifact.PruneOptions, act func() error) error {
	configured, err := p.services.configured()
	if err != nil {
		return err
	}
	if !configured && !embedded {
		return act()
	}
	return p.withServer(ctx, embedded, func(l *link) error {
		o.Locked = func(ctx context.Context, workflowID string) (bool, error) {
			ctx, cancel := context.WithTimeout(ctx, describeTimeout)
			defer cancel()
			return app.RunLocked(ctx, l, workflowID)
		}
		return act()
	})
}

// pruned is what prune prints with --json.
type pruned struct {
	Store  string `json:"store"`
	DryRun bool   `json:"dry_run"`
	artifact.PruneReport
	*pruneFailure
}

// pruneFailure ends the document of a prune that failed on the way: runs then says how far it came.
type pruneFailure struct {
	Outcome  string `json:"outcome"`
	ExitCode int    `json:"exit_code"`
	Error    string `json:"error"`
	Hint     string `json:"hint,omitempty"`
}

func (p *program) prune(ctx context.Context, uri string, types []config.RunType, o artifact.PruneOptions) error {
	root, err := (&app.Stores{}).Open(ctx, config.Store{URI: uri})
	if err != nil {
		return usageError("", "%w", err)
	}
	all := pruned{Store: uri, DryRun: o.DryRun}
	all.Runs = []artifact.PruneVerdict{}
	for _, t := range types {
		o.Type = t
		report, err := artifact.Prune(ctx, root, o)
		all.add(report)
		if err != nil {
			return p.pruneFailed(&all, fileError(uri, err))
		}
	}
	if p.json {
		return p.document(all)
	}
	all.present(p.console.screen(false))
	return nil
}

// pruneFailed shows what was done before the error.
func (p *program) pruneFailed(all *pruned, err error) error {
	switch {
	case len(all.Runs) == 0:
		return err
	case p.json:
		all.pruneFailure = &pruneFailure{outcomeFailed, exitCode(err), err.Error(), hintOf(err)}
		return errors.Join(err, p.document(all))
	}
	all.present(p.console.screen(false))
	return err
}

// add adds a report; nil adds nothing.
func (r *pruned) add(report *artifact.PruneReport) {
	if report == nil {
		return
	}
	r.Runs = append(r.Runs, report.Runs...)
	r.Removed, r.Kept, r.Bytes = r.Removed+report.Removed, r.Kept+report.Kept, r.Bytes+report.Bytes
}

func (r *pruned) present(s screen) {
	if len(r.Runs) == 0 {
		s.printf("no runs in %s%s\n", r.Store, absent(r.Store))
		return
	}
	verdicts := s.fitting(r.table(s.live, true), r.table(false, true), r.table(false, false))
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	s.printf("%s\n\n%s %s, %s; %d kept\n", verdicts, verb, countOf(r.Removed, "run"), byteCount(r.Bytes), r.Kept)
}

// table has the verdicts, on a narrow terminal without what does not decide.
func (r *pruned) table(framed, wide bool) table.Writer {
	t := newTable(framed)
	header := table.Row{"Run", "Started", "Size", "C-index", "Action", "Because"}
	if !wide {
		header = table.Row{"Run", "Action", "Because"}
	}
	t.AppendHeader(header)
	for _, v := range r.Runs {
		run := string(v.Type) + "/" + v.Run
		if !wide {
			t.AppendRow(table.Row{run, v.Action, v.Reason})
			continue
		}
		started := "–"
		if v.Started != nil {
			started = v.Started.Local().Format("2006-01-02 15:04")
		}
		t.AppendRow(table.Row{run, started, byteCount(v.Bytes), score(v.CIndex), v.Action, v.Reason})
	}
	rightAlign(t, "Size", "C-index")
	return t
}

// byteCount is a number of bytes for people.
func byteCount(n int64) string {
	const k = 1000
	switch {
	case n < k:
		return fmt.Sprintf("%d B", n)
	case n < k*k:
		return fmt.Sprintf("%.1f kB", float64(n)/k)
	case n < k*k*k:
		return fmt.Sprintf("%.1f MB", float64(n)/(k*k))
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(k*k*k))
}
