package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"everfold/internal/app"
	"everfold/workflows"
)

func (p *program) scheduleListCommand() *cobra.Command {
	var embedded bool
	command := &cobra.Command{
		Use:     "list",
		Short:   "list the schedules of the server",
		Long:    `Lists everfold's schedules. One that was made a moment ago may be missing for a second.`,
		Example: "  starter schedule list",
		Args:    exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			return p.withServer(command.Context(), embedded, func(l *link) error {
				all, err := listSchedules(command.Context(), l)
				if err != nil {
					return err
				}
				if p.json {
					return p.document(all)
				}
				presentSchedules(p.console.screen(false), all)
				return nil
			})
		},
	}
	addEmbedded(command, &embedded)
	p.addJSON(command)
	return command
}

// scheduleLine is one line of the list of schedules.
type scheduleLine struct {
	Schedule string     `json:"schedule"`
	ID       string     `json:"schedule_id"`
	When     []string   `json:"when"` // cron expressions or intervals
	Timezone string     `json:"timezone"`
	Paused   bool       `json:"paused"`
	Note     string     `json:"note,omitempty"`
	Next     *time.Time `json:"next,omitempty"`
	Last     *time.Time `json:"last,omitempty"` // when the last start was due
}

func listSchedules(ctx context.Context, l *link) ([]scheduleLine, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	all := []scheduleLine{}
	entries, err := l.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, err
	}
	for entries.HasNext() {
		e, err := entries.Next()
		if err != nil {
			return nil, err
		}
		ref, err := parseSchedule(e.ID)
		if err != nil || e.WorkflowType.Name != workflows.ScheduledTrainingName {
			continue // somebody else's
		}
		line := scheduleLine{Schedule: ref.String(), ID: e.ID, Paused: e.Paused, Note: e.Note}
		if e.Spec != nil {
			t := &timetable{}
			t.Cron, t.Interval, t.Timezone = times(e.Spec)
			line.When, line.Timezone = t.when(), t.Timezone
		}
		if len(e.NextActionTimes) > 0 && !e.Paused {
			line.Next = &e.NextActionTimes[0]
		}
		if n := len(e.RecentActions); n > 0 {
			line.Last = &e.RecentActions[n-1].ScheduleTime
		}
		all = append(all, line)
	}
	slices.SortFunc(all, func(a, b scheduleLine) int { return strings.Compare(a.Schedule, b.Schedule) })
	return all, nil
}

// when lists the expressions and the interval.
func (t *timetable) when() []string {
	when := slices.Clone(t.Cron)
	if t.Interval > 0 {
		when = append(when, "every "+t.Interval.String())
	}
	return when
}

const dueLayout = "2006-01-02 15:04 -0700"

func dueTime(at *time.Time, zone string) string {
	if at == nil {
		return "–"
	}
	if z, err := time.LoadLocation(zone); err == nil {
		return at.In(z).Format(dueLayout)
	}
	return at.Format(dueLayout)
}

func presentSchedules(s screen, all []scheduleLine) {
	if len(all) == 0 {
		s.printf("no schedules on this server\n")
		return
	}
	s.printf("%s\n", s.fitting(scheduleTable(all, s.live, true), scheduleTable(all, false, true), scheduleTable(all, false, false)))
}

// scheduleTable has a line a schedule; a narrow one says when each is due next and no more.
func scheduleTable(all []scheduleLine, framed, wide bool) table.Writer {
	t := newTable(framed)
	header := table.Row{"Schedule", "When", "Zone", "Next", "Last", "State"}
	if !wide {
		header = table.Row{"Schedule", "Next", "State"}
	}
	t.AppendHeader(header)
	for _, l := range all {
		next, state := dueTime(l.Next, l.Timezone), pausedWord(l.Paused, l.Note)
		if !wide {
			t.AppendRow(table.Row{l.Schedule, next, state})
			continue
		}
		t.AppendRow(table.Row{l.Schedule, strings.Join(l.When, "; "), l.Timezone, next, dueTime(l.Last, l.Timezone), state})
	}
	return t
}

func pausedWord(paused bool, note string) string {
	switch {
	case !paused:
		return "active"
	case note == "":
		return "paused"
	}
	return "paused: " + note
}

func (p *program) scheduleShowCommand() *cobra.Command {
	return p.scheduleAct("show", "show a schedule: what it starts, the next and the last runs",
		`Shows the schedule as it is on the server, the next starts with the runs they will be of, and the
last ten starts with what became of them.`,
		"  starter schedule show production/veteran",
		func(ctx context.Context, l *link, ref scheduleRef) error {
			_, d, err := describeSchedule(ctx, l, ref)
			if err != nil {
				return err
			}
			view := scheduleView{Schedule: ref.String(), ID: ref.id()}
			view.read(l.keys, d)
			view.statuses(ctx, l)
			if p.json {
				return p.document(view)
			}
			view.present(p.console.screen(false))
			return nil
		})
}

// scheduleView is a schedule as create and show tell it.
type scheduleView struct {
	Schedule string   `json:"schedule"`
	ID       string   `json:"schedule_id"`
	Action   string   `json:"action,omitempty"` // of create: created | updated | unchanged
	Changes  []change `json:"changes,omitempty"`
	*timetable
	Paused   bool      `json:"paused"`
	Note     string    `json:"note,omitempty"`
	Started  int       `json:"started"` // so often
	Skipped  int       `json:"skipped"` // while another start ran
	Missed   int       `json:"missed"`  // later than catchup
	Next     []dueRun  `json:"next"`
	Recent   []pastRun `json:"recent"` // the last first
	Warnings []string  `json:"warnings,omitempty"`
}

// dueRun is a start to come.
type dueRun struct {
	Due time.Time `json:"due"`
	Run string    `json:"run"`
}

// pastRun is a start that was made.
type pastRun struct {
	dueRun
	Status      string `json:"status,omitempty"`
	WorkflowID  string `json:"workflow_id"` // of the start, not of the run
	ExecutionID string `json:"execution_id"`
}

func (v *scheduleView) read(keys *app.CodecKeys, d *client.ScheduleDescription) {
	v.timetable = readTimetable(keys, d.Schedule)
	v.Paused, v.Note = d.Schedule.State.Paused, d.Schedule.State.Note
	v.Started, v.Skipped, v.Missed = d.Info.NumActions, d.Info.NumActionsSkippedOverlap, d.Info.NumActionsMissedCatchupWindow
	v.Next, v.Recent = []dueRun{}, []pastRun{}
	for _, at := range d.Info.NextActionTimes {
		v.Next = append(v.Next, dueRun{Due: at, Run: v.runAt(at)})
	}
	for _, a := range slices.Backward(d.Info.RecentActions) {
		v.Recent = append(v.Recent, v.past(a))
	}
	if warning := v.sameRuns(d.Info.NextActionTimes); warning != "" {
		v.Warnings = append(v.Warnings, warning)
	}
	if v.scheduled == nil {
		v.Warnings = append(v.Warnings, "what it starts is not an input of this release's ScheduledTraining; create it again")
	}
}

func (t *timetable) past(a client.ScheduleActionResult) pastRun {
	p := pastRun{dueRun: dueRun{Due: a.ScheduleTime, Run: t.runAt(a.ScheduleTime)}}
	if w := a.StartWorkflowResult; w != nil {
		p.WorkflowID, p.ExecutionID = w.WorkflowID, w.FirstExecutionRunID
	}
	return p
}

// statuses asks what became of the last starts; one whose history is gone has no status.
func (v *scheduleView) statuses(ctx context.Context, l *link) {
	for i := range v.Recent {
		r := &v.Recent[i]
		if s, err := describe(ctx, l, r.WorkflowID, r.ExecutionID); err == nil {
			r.Status = statusWord(s.status)
		}
	}
}

func (v *scheduleView) present(s screen) {
	s.printf("%s %s\n", v.Schedule, orElse(v.Action, pausedWord(v.Paused, v.Note)))
	for _, c := range v.Changes {
		s.printf("%s %s: %s → %s\n", label(s, "Changed"), c.Key, orElse(c.From, "none"), orElse(c.To, "none"))
	}
	s.printf("%s %s, %s\n", label(s, "When"), strings.Join(v.when(), "; "), v.Timezone)
	s.printf("%s %s\n", label(s, "Runs"), v.RunTemplate)
	s.printf("%s overlap %s, catch-up %s, timeout %s, pause on failure: %s\n", label(s, "Policy"), v.Overlap, v.Catchup, v.Timeout, yesNo(v.PauseOnFailure))
	if !v.Prune.IsZero() {
		s.printf("%s %s\n", label(s, "Removes"), retentionWords(v.Prune))
	}
	if v.AlertDrop > 0 {
		s.printf("%s where the best C-index falls by more than %v\n", label(s, "Alerts"), v.AlertDrop)
	}
	if v.Action != "" && v.Paused {
		s.printf("%s %s\n", label(s, "State"), pausedWord(v.Paused, v.Note))
	}
	if v.Action == "" {
		s.printf("%s %s started, %d skipped while another ran, %d missed\n", label(s, "Starts"), countOf(v.Started, "run"), v.Skipped, v.Missed)
	}
	for i, r := range v.Recent {
		s.printf("%s %s  %s  %s\n", label(s, first(i, "Last")), dueTime(&r.Due, v.Timezone), r.Run, r.Status)
	}
	for i, r := range v.Next[:min(len(v.Next), 5)] {
		s.printf("%s %s  %s\n", label(s, first(i, "Next")), dueTime(&r.Due, v.Timezone), r.Run)
	}
	for _, w := range v.Warnings {
		s.printf("%s %s\n", s.paint("warning ", text.FgYellow), w)
	}
}

// first is the word for the first line of several.
func first(i int, word string) string {
	if i > 0 {
		return ""
	}
	return word
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// startedRuns are the runs of some starts, for a line of text.
func startedRuns(starts []pastRun) string {
	var runs []string
	for _, s := range starts {
		runs = append(runs, s.Run)
	}
	return fmt.Sprintf("%s: %s", countOf(len(runs), "run"), strings.Join(runs, ", "))
}
