package logging

import (
	"context"
	"log/slog"
)

// sink is one file as a handler sees it. Two chains write to it because a category must be
// a top-level attribute even where the logger has opened a group: with takes the records
// that name their category, without adds the default one.
type sink struct{ with, without slog.Handler }

func newSink(f *cappedFile) sink {
	h := slog.NewJSONHandler(f, nil) // level Info and above
	return sink{with: h, without: h.WithAttrs([]slog.Attr{defaultCategory.Attr()})}
}

func (s sink) each(f func(slog.Handler) slog.Handler) sink {
	return sink{with: f(s.with), without: f(s.without)}
}

// router hands each record to the files that it belongs to.
type router struct {
	main, performance, warnings sink
	category                    Category // of the logger, from its own attributes
	grouped                     bool     // attributes added from now on are not top-level
}

func (h *router) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle writes r to the files it belongs to. It never returns an error: see package comment.
func (h *router) Handle(ctx context.Context, r slog.Record) error {
	category := h.category
	if !h.grouped {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == KeyCategory {
				category = Category(a.Value.Resolve().String())
			}
			return true
		})
	}
	emit := func(s sink) {
		out := s.with
		if category == "" && r.Level >= slog.LevelWarn {
			out = s.without
		}
		_ = out.Handle(ctx, r.Clone()) // a cappedFile reports nothing
	}
	emit(h.main)
	if category == CategoryPerformance {
		emit(h.performance)
	}
	if r.Level >= slog.LevelWarn {
		emit(h.warnings)
	}
	return nil
}

func (h *router) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := h.derive(func(s slog.Handler) slog.Handler { return s.WithAttrs(attrs) })
	if !h.grouped {
		for _, a := range attrs {
			if a.Key == KeyCategory {
				next.category = Category(a.Value.Resolve().String())
			}
		}
	}
	return next
}

func (h *router) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := h.derive(func(s slog.Handler) slog.Handler { return s.WithGroup(name) })
	next.grouped = true
	return next
}

func (h *router) derive(f func(slog.Handler) slog.Handler) *router {
	return &router{
		main: h.main.each(f), performance: h.performance.each(f), warnings: h.warnings.each(f),
		category: h.category, grouped: h.grouped,
	}
}
