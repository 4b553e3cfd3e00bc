package main

import (
	"github.com/spf13/cobra"

	"everfold/config"
)

// retentionFlags say which runs are kept.
type retentionFlags struct {
	keep   int
	maxAge string
	best   bool
}

func (f *retentionFlags) add(command *cobra.Command) {
	command.Flags().IntVar(&f.keep, "keep", 0, "keep so many finished runs, the newest")
	command.Flags().StringVar(&f.maxAge, "max-age", "", "keep no run that was started longer ago, such as 90d or 36h")
	command.Flags().BoolVar(&f.best, "keep-best", true, "keep the run with the best C-index, whatever its age")
}

// retention checks the flags; zero where none is given.
func (f *retentionFlags) retention() (config.Retention, error) {
	r := config.Retention{Keep: f.keep, KeepBest: f.best}
	if f.keep < 0 {
		return r, usageError("", "--keep %d: want a number from 1", f.keep)
	}
	if f.maxAge != "" {
		age, err := config.ParseAge(f.maxAge)
		if err != nil {
			return r, usageError("", "--max-age: %w", err)
		}
		r.MaxAge = age
	}
	return r, nil
}
