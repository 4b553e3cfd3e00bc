package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

const shipped = "../../deploy/prometheus/everfold.rules.yaml"

// cases are what Prometheus has seen, a sample a minute, and whether the alert's expression
// then holds.
var cases = []struct {
	alert, series string
	at            string
	fires         bool
}{
	{"EverfoldNoWorker", `other 1x10`, "10m", true},
	{"EverfoldNoWorker", `everfold_build_info 1x10`, "10m", false},
	// Slots in hand: progress stands still from minute 1 on, or goes on.
	{"EverfoldNoProgress", "temporal_worker_task_slots_used{instance=\"a\",task_queue=\"everfold-train\"} 2x30\n  everfold_progress_timestamp_seconds{instance=\"a\"} 60x30", "20m", true},
	{"EverfoldNoProgress", "temporal_worker_task_slots_used{instance=\"a\",task_queue=\"everfold-train\"} 2x30\n  everfold_progress_timestamp_seconds{instance=\"a\"} 0+60x30", "20m", false},
	{"EverfoldNoProgress", "temporal_worker_task_slots_used{instance=\"a\",task_queue=\"everfold-train\"} 0x30\n  everfold_progress_timestamp_seconds{instance=\"a\"} 60x30", "20m", false},
	// A series that begins with its first failure, one that rises later, one that has long been.
	{"EverfoldFitsFail", `everfold_fits_total{model_type="rsf",reason="PoisonFold",outcome="failed"} _x50 1x20`, "60m", true},
	{"EverfoldFitsFail", `everfold_fits_total{model_type="rsf",reason="PoisonFold",outcome="failed"} 1x50 2x20`, "60m", true},
	{"EverfoldFitsFail", `everfold_fits_total{model_type="rsf",reason="PoisonFold",outcome="failed"} 1x70`, "60m", false},
	{"EverfoldFitsFail", `everfold_fits_total{model_type="rsf",reason="",outcome="trained"} 0+1x70`, "60m", false},
	{"EverfoldFitsRetried", `everfold_fits_total{model_type="rsf",reason="StoreUnavailable",outcome="retried"} 0+1x70`, "60m", true},
	{"EverfoldFitsRetried", `everfold_fits_total{model_type="rsf",reason="StoreUnavailable",outcome="retried"} 3x70`, "60m", false},
	{"EverfoldTrackerFails", `everfold_tracker_calls_total{call="sync",outcome="failed"} 0+1x70`, "60m", true},
	{"EverfoldTrackerFails", "everfold_tracker_calls_total{call=\"sync\",outcome=\"failed\"} 0+1x70\n  everfold_tracker_calls_total{call=\"sync\",outcome=\"ok\"} 0+5x70", "60m", false},
	{"EverfoldStoreErrors", `everfold_store_errors_total{operation="put",error="unavailable"} 0x50 1x20`, "55m", true},
	{"EverfoldStoreErrors", `everfold_store_errors_total{operation="put",error="unavailable"} 0x70`, "55m", false},
	{"EverfoldMemoryNearLimit", "process_resident_memory_bytes{instance=\"a\"} 95x10\n  everfold_memory_limit_bytes{instance=\"a\"} 100x10", "5m", true},
	{"EverfoldMemoryNearLimit", "process_resident_memory_bytes{instance=\"a\"} 50x10\n  everfold_memory_limit_bytes{instance=\"a\"} 100x10", "5m", false},
	{"EverfoldAlertsNotSent", `everfold_alerts_total{event="failed",outcome="refused"} _x100 1x20`, "110m", true},
	{"EverfoldAlertsNotSent", `everfold_alerts_total{event="failed",outcome="sent"} _x100 1x20`, "110m", false},
	// The last scheduled run ended at the beginning; its worker is gone after an hour.
	{"EverfoldScheduleMissed", `everfold_run_end_timestamp_seconds{workflow_type="ScheduledTraining",outcome="completed"} 1x60`, "27h", true},
	{"EverfoldScheduleMissed", `everfold_run_end_timestamp_seconds{workflow_type="ScheduledTraining",outcome="completed"} 1x60`, "25h", false},
	{"EverfoldScheduleMissed", `everfold_run_end_timestamp_seconds{workflow_type="TrainSurvivalModels",outcome="completed"} 1x60`, "27h", false},
}

// Claim: each shipped alert fires on what it is for, and not on what is nothing, by
// Prometheus's own engine; there is a case of both for each.
func TestAlertsFire(t *testing.T) {
	groups, errs := rulefmt.ParseFile(shipped, false, model.UTF8Validation, parser.NewParser(parser.Options{}), nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	expressions, seen := map[string]string{}, map[string]bool{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			expressions[r.Alert] = strings.Join(strings.Fields(r.Expr), " ")
		}
	}
	for i, c := range cases {
		seen[fmt.Sprint(c.alert, c.fires)] = true
		t.Run(fmt.Sprintf("%s/%d", c.alert, i), func(t *testing.T) {
			script := "load 1m\n  " + c.series + "\n\neval instant at " + c.at + " count(" + expressions[c.alert] + ") or vector(0)\n  {} %d\n"
			promqltest.RunTest(t, fmt.Sprintf(script, map[bool]int{true: 1}[c.fires]), promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery))
		})
	}
	for alert := range expressions {
		if !seen[alert+"true"] || !seen[alert+"false"] {
			t.Errorf("%s has no case of both", alert)
		}
	}
}
