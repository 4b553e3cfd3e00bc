// Command rules checks files of Prometheus alert rules with Prometheus's own parsers, their
// expressions and templates included, and prints what the expressions ask for: one JSON
// object a line, {"alert", "metric", "labels"}. It is a module of its own, so that the
// product does not depend on Prometheus.
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// selection is one vector selector of an alert's expression.
type selection struct {
	Alert  string   `json:"alert"`
	Metric string   `json:"metric"`
	Labels []string `json:"labels"` // that are matched, sorted
}

func main() {
	for _, file := range os.Args[1:] {
		if err := check(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func check(file string) error {
	p := parser.NewParser(parser.Options{})
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, p, slog.Default())
	if len(errs) > 0 {
		return fmt.Errorf("%s: %v", file, errs)
	}
	out := json.NewEncoder(os.Stdout)
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			expr, err := p.ParseExpr(rule.Expr)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", file, rule.Alert, err)
			}
			for _, matchers := range parser.ExtractSelectors(expr) {
				if err := out.Encode(selected(rule.Alert, matchers)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func selected(alert string, matchers []*labels.Matcher) selection {
	s := selection{Alert: alert, Labels: []string{}}
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel {
			s.Metric = m.Value
		} else {
			s.Labels = append(s.Labels, m.Name)
		}
	}
	slices.Sort(s.Labels)
	return s
}
