package app

import (
	"context"

	"everfold/activities"
	"everfold/config"
)

// Reported is what a report that was written holds.
type Reported = activities.WriteReportResult

// Report writes the report of a run's folder, as WriteReport does at the end of a run. It needs
// no server. Errors are *config.Error, ErrNotFound where there is no run, the store's or ctx's.
func Report(ctx context.Context, folder string) (*Reported, error) {
	s, err := (&Stores{}).Open(ctx, config.Store{URI: folder})
	if err != nil {
		return nil, err
	}
	return activities.Report(ctx, s, &activities.Tables{})
}
