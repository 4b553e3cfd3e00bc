package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"everfold/internal/app"
)

func (p *program) trackCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "track",
		Short: "compare a run with the tracking server, or send what is missing there",
		Long: `A run sends its numbers to the tracking server while it goes on. Whatever did not arrive, for
whatever reason and however long ago, is sent by track sync from the run's folder alone.`,
		Args: aCommand,
		RunE: aCommand, // not reached: no argument is right
	}
	command.AddCommand(p.trackPart("sync", true), p.trackPart("status", false))
	return command
}

// trackPart is `track sync` or `track status`.
func (p *program) trackPart(name string, send bool) *cobra.Command {
	var store string
	o := app.TrackOptions{Send: send}
	command := &cobra.Command{
		Use:   name + " RUN|DIR",
		Short: "say what the tracking server lacks of a run",
		Long: `Compares the run's folder with the tracking server and counts what is missing there. Nothing is
changed.`,
		Example: "  starter track " + name + " production/veteran\n" +
			"  starter track " + name + " outputs/production/veteran --uri http://tracking.example:5000",
		Args: exactArgs("RUN or DIR"),
		RunE: func(command *cobra.Command, args []string) (err error) {
			if o.Folder, err = runFolder(args[0], store); err != nil {
				return err
			}
			o.Getenv = p.console.getenv
			report, err := app.Track(command.Context(), o)
			if err != nil {
				return trackFailure(o.Folder, err)
			}
			if p.json {
				return p.document(report)
			}
			presentTracking(p.console.screen(false), report, send)
			return nil
		},
	}
	if send {
		command.Short = "send the tracking server what it lacks of a run"
		command.Long = `Sends what the tracking server lacks of the run's folder: runs, parameters, numbers, tables, final
models, status. What is there stays; a second sync sends nothing. Works for runs of any age, and
to another server (--uri). Credentials are those of MLFLOW_TRACKING_USERNAME and _PASSWORD, or
_TOKEN; they go to the server of MLFLOW_TRACKING_URI only: set it to the one of --uri.`
	}
	addStore(command, &store)
	command.Flags().StringVar(&o.URI, "uri", "", "the tracking server (default: the run's own, or MLFLOW_TRACKING_URI)")
	command.Flags().StringVar(&o.Experiment, "experiment", "", "the experiment (default: the run's own)")
	p.addJSON(command)
	return command
}

func trackFailure(folder string, err error) error {
	var failed *app.TrackError
	if !errors.As(err, &failed) {
		if errors.Is(err, app.ErrNotFound) {
			return noRun(folder)
		}
		return fileError(folder, err)
	}
	switch {
	case failed.Settings:
		return usageError("set MLFLOW_TRACKING_URI, or give --uri http://host:port", "%w", err)
	case failed.Unreachable:
		return fail(exitUnreachable, "once the server answers, the same command sends what is missing", "%w", err)
	}
	return fail(exitFailed, "", "%w", err)
}

// presentTracking shows a report to a person.
func presentTracking(s screen, r *app.TrackReport, sent bool) {
	s.printf("%s %s of %d complete in the store\n", r.Run, countOf(r.Folds, "fold"), r.Planned)
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{r.Runs, "run"}, {r.Metrics, "point"}, {r.Params, "parameter"}, {r.Tags, "tag"}, {r.Files, "file"}, {r.Statuses, "state"},
	} {
		if c.n > 0 {
			parts = append(parts, countOf(c.n, c.what))
		}
	}
	what, nothing := "Missing", "nothing: the server holds all of it"
	if sent {
		what, nothing = "Sent", "nothing: the server held all of it"
	}
	said := strings.Join(parts, ", ")
	if said == "" {
		said = nothing
	}
	s.printf("%s %s\n", label(s, what), said)
	for _, key := range r.Conflicts {
		s.printf("%s the server keeps the first value of %s; the present one is a tag\n", label(s, "Note"), key)
	}
	for _, note := range r.Notes {
		s.printf("%s %s\n", label(s, "Note"), note)
	}
	s.printf("%s %s\n", label(s, "Server"), r.Server)
	if r.URL != "" {
		s.printf("%s %s\n", label(s, "Run"), r.URL)
	}
}
