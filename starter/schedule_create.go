package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"everfold/config"
	"everfold/internal/app"
)

// rawJSON is JSON text that is sent as it is.
type rawJSON = json.RawMessage

// Limits of a schedule, by the server.
const (
	leastCatchup  = 10 * time.Second
	leastInterval = time.Second
	longestCron   = 200
)

// scheduleFlags are the flags of schedule create.
type scheduleFlags struct {
	spec      specFlags
	retention retentionFlags
	timetable
	interval, catchup, timeout time.Duration
	template, name             string
	embedded                   bool
}

func (p *program) scheduleCreateCommand() *cobra.Command {
	var f scheduleFlags
	command := &cobra.Command{
		Use:   "create SPEC",
		Short: "create a schedule, or bring it up to date",
		Long: `Creates a schedule that starts runs of SPEC. If it is there already it is updated to what is
said now, pauses apart, and what has changed is told: the same command twice changes nothing.
The spec as it is now becomes part of the schedule; create again after changing the file.

Runs are named by --run-template, from the time that they were due in --timezone. Its variables:
{date} 2026-11-28, {datetime} 2026-11-28-013000, {hour} 2026-11-28-01, {week} 2026-w48 (ISO),
{month} 2026-11, {quarter} 2026-q4, {year} 2026. A start whose run exists goes on with it.

--overlap says what becomes of a start while the last one still runs: skip it, buffer-one or
buffer-all to run it afterwards, cancel-other or terminate-other, or allow-all.
--keep and --max-age remove older runs of the template after each run (see starter prune).
--alert-drop tells the endpoints of the spec's notify where the best C-index fell.`,
		Example: "  starter schedule create examples/veteran.yaml --cron '0 2 * * *' --timezone Europe/Berlin --run-template 'veteran-{date}'\n" +
			"  starter schedule create examples/veteran.yaml --interval 6h --run-template 'veteran-{hour}' --overlap buffer-one --keep 14",
		Args: exactArgs("SPEC"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := f.load(args[0])
			if err != nil {
				return err
			}
			ctx := command.Context()
			if _, err := (&app.Stores{}).Open(ctx, f.scheduled.Spec.Store); err != nil {
				return err // no worker of this release could open it either
			}
			return p.withServer(ctx, f.embedded, func(l *link) error {
				return scheduleError(ref, p.upsertSchedule(ctx, l, ref, &f.timetable))
			})
		},
	}
	f.add(command)
	p.addJSON(command)
	return command
}

func (f *scheduleFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringArrayVar(&f.spec.set, "set", nil, "set one key of the spec, such as folds.k=10 (repeatable)")
	flags.StringArrayVar(&f.Cron, "cron", nil, "when: minute hour day month weekday, such as '0 2 * * *' (repeatable)")
	flags.DurationVar(&f.interval, "interval", 0, "when: every so often, counted from 1970, such as 6h")
	flags.StringVar(&f.Timezone, "timezone", "UTC", "time zone of --cron and of --run-template, such as Europe/Berlin")
	flags.StringVar(&f.template, "run-template", "", "the runs' name with variables (default: the spec's run, then -{date})")
	flags.StringVar(&f.name, "name", "", "the schedule's name (default: the template without variables)")
	flags.StringVar(&f.Overlap, "overlap", "skip", "while the last start runs: skip, buffer-one, buffer-all, cancel-other, terminate-other or allow-all")
	flags.DurationVar(&f.catchup, "catchup", time.Hour, "starts that the server missed while it was down are made up for if they are no later than this")
	flags.BoolVar(&f.PauseOnFailure, "pause-on-failure", false, "pause the schedule where a run fails or runs out of time")
	flags.DurationVar(&f.timeout, "timeout", 7*24*time.Hour, "cancel a start's run after this long; it would block those after it")
	flags.Float64Var(&f.AlertDrop, "alert-drop", 0, "alert where the best model's C-index is lower than that of the run before by more than this, such as 0.02")
	f.retention.add(command)
	addEmbedded(command, &f.embedded)
}

// load reads the spec and checks everything that can be checked without a server.
func (f *scheduleFlags) load(path string) (scheduleRef, error) {
	spec, err := f.spec.load(path)
	if err != nil {
		return scheduleRef{}, err
	}
	if err := f.checkTimes(); err != nil {
		return scheduleRef{}, err
	}
	s := &config.Scheduled{Spec: spec, RunTemplate: config.Template(f.template), Timezone: f.Timezone, AlertDrop: f.AlertDrop}
	if f.template == "" {
		s.RunTemplate = config.Template(spec.Run + "-{date}")
	}
	if s.Prune, err = f.retention.retention(); err != nil {
		return scheduleRef{}, err
	}
	if len(spec.Notify) > 0 {
		if s.Start, err = f.spec.start(path, spec, f.embedded); err != nil {
			return scheduleRef{}, err
		}
	}
	text, err := config.EncodeScheduled(s)
	if err != nil {
		return scheduleRef{}, err
	}
	if s, err = config.DecodeScheduled(text); err != nil { // the rules are the workflow's
		return scheduleRef{}, err
	}
	f.take(s)
	f.Interval, f.Catchup, f.Timeout = config.Duration(f.interval), config.Duration(f.catchup), config.Duration(f.timeout)
	if text, err = config.EncodeScheduled(s); err != nil {
		return scheduleRef{}, err
	}
	f.input = string(text)
	return f.ref(spec)
}

func (f *scheduleFlags) checkTimes() error {
	if (len(f.Cron) > 0) == (f.interval != 0) {
		return usageError("--cron '0 2 * * *' is every night at two, --interval 6h every six hours", "give either --cron or --interval")
	}
	for _, c := range f.Cron {
		if strings.ContainsAny(c, "#=") || strings.HasPrefix(strings.TrimSpace(c), "@every") || len(c) > longestCron {
			return usageError("the zone is --timezone, and every so often is --interval", "--cron %q: want five fields, such as '0 2 * * *', or @daily", c)
		}
	}
	if f.interval != 0 && f.interval < leastInterval {
		return usageError("", "--interval %v: want at least %v", f.interval, leastInterval)
	}
	if f.catchup < leastCatchup {
		return usageError("", "--catchup %v: want at least %v", f.catchup, leastCatchup)
	}
	if f.timeout <= 0 {
		return usageError("", "--timeout %v: want a duration above zero, such as 168h", f.timeout)
	}
	_, err := parseOverlap(f.Overlap)
	return err
}

func (f *scheduleFlags) ref(spec *config.Spec) (scheduleRef, error) {
	name := f.name
	if name == "" {
		name = f.RunTemplate.Stem()
	}
	if !runName.MatchString(name) {
		return scheduleRef{}, usageError("give one with --name, such as --name nightly", "the schedule has no usable name: %q; want one matching %v", name, runName)
	}
	return scheduleRef{runRef{kind: string(spec.Type), name: name}}, nil
}

// upsertSchedule creates the schedule, or updates the one that is there.
func (p *program) upsertSchedule(ctx context.Context, l *link, ref scheduleRef, t *timetable) error {
	view := scheduleView{Schedule: ref.String(), ID: ref.id(), Action: "created"}
	policy := t.policy()
	t.tags = l.tags != nil && l.tags(ctx)
	t.encryptBy(l.keys)
	_, err := l.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: ref.id(), Spec: t.spec(), Action: t.action(ref),
		Overlap: policy.Overlap, CatchupWindow: policy.CatchupWindow, PauseOnFailure: policy.PauseOnFailure,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		view.Action = "unchanged"
		view.Changes, err = updateSchedule(ctx, l, ref, t)
		if len(view.Changes) > 0 {
			view.Action = "updated"
		}
	}
	if err != nil {
		return err
	}
	d, _, err := until(ctx, l, ref, func(d *client.ScheduleDescription) bool {
		return len(t.changes(readTimetable(l.keys, d.Schedule))) == 0
	})
	if err != nil {
		return err
	}
	view.read(l.keys, d)
	if l.owned() {
		view.Warnings = append(view.Warnings, "it is due only while the embedded server runs, that is, while a starter with --embedded does")
	}
	if p.json {
		return p.document(view)
	}
	view.present(p.console.screen(false))
	return nil
}

// updateSchedule brings a schedule up to date, but for whether it is paused, and says what
// it changed.
func updateSchedule(ctx context.Context, l *link, ref scheduleRef, t *timetable) ([]change, error) {
	var changed []change
	update := func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		former := readTimetable(l.keys, in.Description.Schedule)
		t.tags = t.tags || former.tags // a server that has them knows them
		changed = t.changes(former)
		if len(changed) == 0 {
			return nil, temporal.ErrSkipScheduleUpdate
		}
		spec, policy := t.spec(), t.policy()
		return &client.ScheduleUpdate{Schedule: &client.Schedule{
			Action: t.action(ref), Spec: &spec, Policy: &policy, State: in.Description.Schedule.State,
		}}, nil
	}
	err := l.ScheduleClient().GetHandle(ctx, ref.id()).Update(ctx, client.ScheduleUpdateOptions{DoUpdate: update})
	return changed, err
}
