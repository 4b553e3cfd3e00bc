package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

func (p *program) scheduleCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "schedule",
		Short: "start runs by the clock: create, look at, pause, trigger, backfill and delete schedules",
		Long: `A schedule lives on the Temporal server and starts a run of a spec whenever it is due, without a
starter. Each run is named by the time that it was due (--run-template) and is an ordinary run: it
resumes, alerts and is looked at like any other. SCHEDULE is <type>/<name>.`,
		Example: "  starter schedule create examples/veteran.yaml --cron '0 2 * * *' --timezone Europe/Berlin\n" +
			"  starter schedule show production/veteran",
		Args: aCommand,
		RunE: aCommand, // not reached: no argument is right
	}
	command.AddCommand(
		p.scheduleCreateCommand(), p.scheduleListCommand(), p.scheduleShowCommand(),
		p.schedulePauseCommand(true), p.schedulePauseCommand(false),
		p.scheduleTriggerCommand(), p.scheduleBackfillCommand(), p.scheduleDeleteCommand(),
	)
	return command
}

// scheduleRef names a schedule: <type>/<name>. Names are of the form of run names.
type scheduleRef struct{ runRef }

// id is the schedule's in Temporal.
func (r scheduleRef) id() string { return r.workflowID() }

// startID is what the ids of its starts begin with; no run has such an id.
func (r scheduleRef) startID() string { return "everfold/schedule/" + r.String() }

func parseSchedule(words string) (scheduleRef, error) {
	run, err := parseRun(words)
	if err != nil {
		return scheduleRef{}, usageError("SCHEDULE is <type>/<name>, such as production/churn; `starter schedule list` shows them",
			"%q is not a schedule", words)
	}
	return scheduleRef{run}, nil
}

// scheduleAct is a command that does something about one schedule.
func (p *program) scheduleAct(use, short, long, example string, act func(context.Context, *link, scheduleRef) error) *cobra.Command {
	var embedded bool
	command := &cobra.Command{
		Use: use + " SCHEDULE", Short: short, Long: long, Example: example, Args: exactArgs("SCHEDULE"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := parseSchedule(args[0])
			if err != nil {
				return err
			}
			return p.withServer(command.Context(), embedded, func(l *link) error {
				return scheduleError(ref, act(command.Context(), l, ref))
			})
		},
	}
	addEmbedded(command, &embedded)
	p.addJSON(command)
	return command
}

// scheduleError gives what the server said its exit code.
func scheduleError(ref scheduleRef, err error) error {
	var invalid *serviceerror.InvalidArgument
	switch {
	case isNotFound(err):
		return fail(exitNotFound, "starter schedule list shows those there are", "the server knows no schedule %s", ref)
	case errors.As(err, &invalid):
		return usageError("", "the server refuses schedule %s: %s", ref, invalid.Message)
	}
	return err
}

// scheduleAction is what the commands that change something print with --json.
type scheduleAction struct {
	Schedule string    `json:"schedule"`
	ID       string    `json:"schedule_id"`
	Action   string    `json:"action"`
	Note     string    `json:"note,omitempty"`
	Runs     []pastRun `json:"runs,omitempty"` // that were started
}

func (p *program) scheduleActed(document scheduleAction, line string) error {
	if p.json {
		return p.document(document)
	}
	p.console.screen(false).printf("%s: %s\n", document.Schedule, line)
	return nil
}

func (r scheduleRef) action(verb string) scheduleAction {
	return scheduleAction{Schedule: r.String(), ID: r.id(), Action: verb}
}

// describeSchedule asks the server for a schedule that everfold made.
func describeSchedule(ctx context.Context, l *link, ref scheduleRef) (client.ScheduleHandle, *client.ScheduleDescription, error) {
	handle := l.ScheduleClient().GetHandle(ctx, ref.id())
	ctx, cancel := context.WithTimeout(ctx, scheduleTimeout)
	defer cancel()
	d, err := handle.Describe(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("look at schedule %s: %w", ref, err)
	}
	return handle, d, nil
}

// scheduleTimeout bounds a look at a schedule, which the server answers by a workflow of its
// own: one that was just restarted takes a while.
const scheduleTimeout = 30 * time.Second

// scheduleWait is how long a command waits to see the effect of what it asked for.
const scheduleWait = 5 * time.Second

// until asks for the schedule until it is as expected, or scheduleWait is over. A server that
// is busy with the schedule may not answer at once.
func until(ctx context.Context, l *link, ref scheduleRef, expected func(*client.ScheduleDescription) bool) (d *client.ScheduleDescription, met bool, err error) {
	for end := time.Now().Add(scheduleWait); ; {
		late := time.Now().After(end) // what was seen before the machine stood still is not the last word
		_, now, err := describeSchedule(ctx, l, ref)
		switch {
		case err == nil && expected(now):
			return now, true, nil
		case err != nil && (late || !isUnreachable(err)):
			return nil, false, err
		case late:
			return now, false, nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return nil, false, err
		}
	}
}
