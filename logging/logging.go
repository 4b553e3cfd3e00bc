// Package logging holds everfold's log/slog handlers: coloured lines for a person on a
// terminal, plain lines for anything else, and three files of JSON lines per run and worker.
//
//	main_<stamp>.log         every record of level Info and above
//	performance_<stamp>.log  records of category performance: one per fold, one per model
//	warnings_<stamp>.log     every record of level Warn and above, each with a category
//
// <stamp> is YYYYMMDD_HHMMSS_<worker>, in UTC, so that workers never share a file.
//
// The log is outside the training path. A handler of this package never returns an error: a
// directory that is full, read-only or gone costs records, one line on standard error, and
// nothing else; writing is tried again from then on.
//
// Callers never log the value of a data cell, only row numbers and counts. Handlers cannot
// tell a cell's value from another and do not try to.
//
// Non-goals: sampling, shipping to log services (collect the files, or standard error).
package logging

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// Attribute keys, the same in every record.
const (
	KeyRun        = "run"         // <type>/<run>
	KeyModel      = "model"       // the model's name in the spec
	KeyFold       = "fold"        // from 0
	KeyAttempt    = "attempt"     // Temporal's attempt, from 1
	KeyWorkflowID = "workflow_id" // everfold/<type>/<run>
	KeyCategory   = "category"    // a Category
)

// Category says what a record is about, for people who filter.
type Category string

// The categories of warnings, and the one of performance records.
const (
	CategoryMLflow      Category = "mlflow_error" // the tracking server did not take something
	CategoryData        Category = "data"         // rows dropped, unseen levels, merged columns
	CategoryConvergence Category = "convergence"  // an estimate exists, its criterion was missed
	CategoryStorage     Category = "storage"      // the store was slow, refused, or returned damage
	CategoryRetry       Category = "retry"        // a call failed and is repeated
	CategoryResource    Category = "resource"     // memory, disk, slots, time budgets
	CategoryConfig      Category = "config"       // a setting is accepted but has no effect
	CategoryPerformance Category = "performance"  // not a warning: see Performance
)

// defaultCategory is given to warnings that name none. Only libraries beneath everfold log
// such: the Temporal SDK, about calls that it is going to repeat.
const defaultCategory = CategoryRetry

// Attr is the category as a record's attribute:
//
//	log.Warn("3 rows dropped", logging.CategoryData.Attr())
func (c Category) Attr() slog.Attr { return slog.String(KeyCategory, string(c)) }

// Terminal returns a handler that writes lines for people to w, from level upwards: short
// and coloured with colour set, else as key=value text that tools can split. Whether w is a
// terminal, and what NO_COLOR says, is the caller's to find out.
func Terminal(w io.Writer, level slog.Leveler, colour bool) slog.Handler {
	if colour {
		return tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly})
	}
	return slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})
}

type contextKey struct{}

// carried is what a context holds: the logger below, what With added, and both together.
type carried struct {
	base   *slog.Logger
	attrs  []slog.Attr
	logger *slog.Logger
}

// Into returns a context whose From is log. What With had added to ctx stays added.
func Into(ctx context.Context, log *slog.Logger) context.Context {
	var attrs []slog.Attr
	if c, ok := ctx.Value(contextKey{}).(*carried); ok {
		attrs = c.attrs
	}
	return carry(ctx, log, attrs)
}

// With returns a context whose From adds attrs to every record. An attribute replaces an
// earlier one of the same key, so that no record has a key twice.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	base := slog.Default()
	var all []slog.Attr
	if c, ok := ctx.Value(contextKey{}).(*carried); ok {
		base = c.base
		all = append(all, c.attrs...)
	}
	for _, a := range attrs {
		all = replace(all, a)
	}
	return carry(ctx, base, all)
}

// From returns the logger that ctx carries, or slog.Default where it carries none.
func From(ctx context.Context) *slog.Logger {
	if c, ok := ctx.Value(contextKey{}).(*carried); ok {
		return c.logger
	}
	return slog.Default()
}

func carry(ctx context.Context, base *slog.Logger, attrs []slog.Attr) context.Context {
	logger := base
	if len(attrs) > 0 {
		logger = slog.New(base.Handler().WithAttrs(attrs))
	}
	return context.WithValue(ctx, contextKey{}, &carried{base: base, attrs: attrs, logger: logger})
}

func replace(attrs []slog.Attr, a slog.Attr) []slog.Attr {
	for i := range attrs {
		if attrs[i].Key == a.Key {
			attrs[i] = a
			return attrs
		}
	}
	return append(attrs, a)
}
