package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everfold/internal/app"
)

// schedulePauseCommand is `schedule pause` or `schedule unpause`.
func (p *program) schedulePauseCommand(stop bool) *cobra.Command {
	var note string
	verb, why, short, long := "unpause", "data is in its place", "let a paused schedule start runs again", `Lets the schedule go on. Starts that were due while it was paused are not made up for: see backfill.`
	if stop {
		verb, why, short, long = "pause", "data is being moved", "keep a schedule from starting runs", `Keeps the schedule from starting runs; one that is running goes on. trigger and backfill still work.`
	}
	command := p.scheduleAct(verb, short, long, "  starter schedule "+verb+" production/veteran --note '"+why+"'",
		func(ctx context.Context, l *link, ref scheduleRef) error {
			handle, _, err := describeSchedule(ctx, l, ref)
			if err != nil {
				return err
			}
			said := orElse(note, verb+"d by starter")
			if stop {
				err = handle.Pause(ctx, client.SchedulePauseOptions{Note: said})
			} else {
				err = handle.Unpause(ctx, client.ScheduleUnpauseOptions{Note: said})
			}
			if err != nil {
				return fmt.Errorf("%s schedule %s: %w", verb, ref, err)
			}
			_, met, err := until(ctx, l, ref, func(d *client.ScheduleDescription) bool { return d.Schedule.State.Paused == stop })
			if err != nil {
				return err
			}
			if !met {
				return fail(exitUnreachable, "starter schedule show "+ref.String(), "the server has not yet done it: %s of %s", verb, ref)
			}
			document := ref.action(verb)
			document.Note = said
			return p.scheduleActed(document, verb+"d: "+said)
		})
	command.Flags().StringVar(&note, "note", "", "why, for whoever looks at it")
	return command
}

func (p *program) scheduleTriggerCommand() *cobra.Command {
	var overlap string
	command := p.scheduleAct("trigger", "start a run now, beside the timetable",
		`Starts the run that would be due now, paused or not. Where the run of this period is complete
already it ends at once; where the schedule's --overlap skips it because another start is
running, that is said and the exit code is 1.`,
		"  starter schedule trigger production/veteran\n  starter schedule trigger production/veteran --overlap buffer-one",
		func(ctx context.Context, l *link, ref scheduleRef) error {
			policy := enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED // the schedule's own
			if overlap != "" {
				var err error
				if policy, err = parseOverlap(overlap); err != nil {
					return err
				}
			}
			handle, before, err := describeSchedule(ctx, l, ref)
			if err != nil {
				return err
			}
			if err := handle.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: policy}); err != nil {
				return fmt.Errorf("trigger schedule %s: %w", ref, err)
			}
			after, met, err := until(ctx, l, ref, func(d *client.ScheduleDescription) bool {
				return d.Info.NumActions > before.Info.NumActions ||
					d.Info.NumActionsSkippedOverlap > before.Info.NumActionsSkippedOverlap
			})
			if err != nil {
				return err
			}
			return p.triggered(l.keys, ref, before, after, met)
		})
	command.Flags().StringVar(&overlap, "overlap", "", "while another start runs, instead of the schedule's own: skip, buffer-one, …")
	return command
}

// triggered tells what became of a trigger.
func (p *program) triggered(keys *app.CodecKeys, ref scheduleRef, before, after *client.ScheduleDescription, met bool) error {
	document := ref.action("trigger")
	switch n := after.Info.NumActions - before.Info.NumActions; {
	case !met:
		return p.scheduleActed(document, "asked for; it waits for the start that is running")
	case n == 0:
		return fail(exitFailed, "starter schedule show "+ref.String()+" shows it; --overlap buffer-one waits for it",
			"%s was skipped: another start is running", ref)
	default:
		recent := after.Info.RecentActions
		t := readTimetable(keys, after.Schedule)
		for _, a := range recent[max(0, len(recent)-n):] {
			document.Runs = append(document.Runs, t.past(a))
		}
	}
	return p.scheduleActed(document, "started "+startedRuns(document.Runs)+"; starter watch RUN follows it")
}

func (p *program) scheduleBackfillCommand() *cobra.Command {
	var from, to, overlap string
	command := p.scheduleAct("backfill", "start the runs of times that have passed",
		`Starts what the timetable has between --from and --to, both included, as if it were that time:
runs get the names of those dates, not the data of those dates. Times are dates, of the
schedule's zone, or RFC 3339. By default one run follows the other.`,
		"  starter schedule backfill production/veteran --from 2026-11-01 --to 2026-11-07",
		func(ctx context.Context, l *link, ref scheduleRef) error {
			policy, err := parseOverlap(overlap)
			if err != nil {
				return err
			}
			handle, d, err := describeSchedule(ctx, l, ref)
			if err != nil {
				return err
			}
			b := client.ScheduleBackfill{Overlap: policy}
			if b.Start, b.End, err = between(from, to, d.Schedule.Spec.TimeZoneName); err != nil {
				return err
			}
			if err := handle.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{b}}); err != nil {
				return fmt.Errorf("backfill schedule %s: %w", ref, err)
			}
			document := ref.action("backfill")
			document.Note = fmt.Sprintf("from %s to %s", b.Start.Format(time.RFC3339), b.End.Format(time.RFC3339))
			return p.scheduleActed(document, "asked for "+document.Note+"; starter schedule show "+ref.String()+" lists the starts")
		})
	command.Flags().StringVar(&from, "from", "", "the first date or time (required)")
	command.Flags().StringVar(&to, "to", "", "the last date, whole, or time (required)")
	command.Flags().StringVar(&overlap, "overlap", "buffer-all", "of these starts: buffer-all, allow-all, …")
	return command
}

// between reads two dates or times; a date as the end is the whole of that day.
func between(from, to, zone string) (begin, end time.Time, err error) {
	where, err := time.LoadLocation(zone)
	if err != nil {
		return begin, end, usageError("", "the schedule's time zone %q is not known here; give times by RFC 3339", zone)
	}
	if begin, _, err = moment("--from", from, where); err != nil {
		return begin, end, err
	}
	end, whole, err := moment("--to", to, where)
	if err != nil {
		return begin, end, err
	}
	if whole {
		end = end.AddDate(0, 0, 1).Add(-time.Second)
	}
	if end.Before(begin) {
		return begin, end, usageError("", "--to %s is before --from %s", to, from)
	}
	return begin, end, nil
}

func moment(flag, s string, where *time.Location) (at time.Time, date bool, err error) {
	if at, err = time.ParseInLocation(time.DateOnly, s, where); err == nil {
		return at, true, nil
	}
	if at, err = time.Parse(time.RFC3339, s); err == nil {
		return at, false, nil
	}
	return at, false, usageError("", "%s %q: want a date such as 2026-11-01, or a time such as 2026-11-01T02:00:00+01:00", flag, s)
}

func (p *program) scheduleDeleteCommand() *cobra.Command {
	return p.scheduleAct("delete", "delete a schedule",
		`Deletes the schedule. Runs that it has started, and their files, stay; one that is running goes on.`,
		"  starter schedule delete production/veteran",
		func(ctx context.Context, l *link, ref scheduleRef) error {
			handle, _, err := describeSchedule(ctx, l, ref) // deleting what is not there is an error
			if err != nil {
				return err
			}
			if err := handle.Delete(ctx); err != nil {
				return fmt.Errorf("delete schedule %s: %w", ref, err)
			}
			return p.scheduleActed(ref.action("delete"), "deleted; its runs stay")
		})
}
