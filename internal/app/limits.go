package app

import (
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"everfold/activities"
	"everfold/dataset"
)

// EnvLimits names the environment variable with other limits on data files than the defaults,
// such as rows=200000000,columns=20000: for workers and starters.
const EnvLimits = "EVERFOLD_LIMITS"

// ParseLimits reads the value of EnvLimits: rows, columns and levels of data files. Errors are
// ErrWorkerOptions.
func ParseLimits(text string) (dataset.Limits, error) {
	var l dataset.Limits
	known := map[string]*int{"rows": &l.Rows, "columns": &l.Columns, "levels": &l.Levels}
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		name, number, _ := strings.Cut(entry, "=")
		n, err := strconv.Atoi(number)
		if known[name] == nil || err != nil || n < 1 || n > math.MaxInt32 {
			return l, fmt.Errorf("%w: limits: %q: want rows=N, columns=N and levels=N, with N from 1 to %d", ErrWorkerOptions, entry, math.MaxInt32)
		}
		*known[name] = n
	}
	return l, nil
}

// limited is ctx with the limits of this process's environment.
func limited(ctx context.Context) (context.Context, error) {
	l, err := ParseLimits(os.Getenv(EnvLimits))
	if err != nil {
		return nil, &PreparationError{Type: activities.ErrInvalidSpec, Err: fmt.Errorf("$%s: %w", EnvLimits, err)}
	}
	return activities.WithLimits(ctx, l), nil
}
