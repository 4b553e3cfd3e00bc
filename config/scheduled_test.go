package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/config"
)

const scheduledSpec = `{"type":"sample","data":{"uri":"/d.csv","time":"t","event":"e"},"notify":["${EVERFOLD_NOTIFY_TEAM}"]}`

func scheduledInput(more string) []byte {
	return []byte(`{"spec":` + scheduledSpec + `,"run_template":"churn-{date}"` + more + `}`)
}

// The input of the contract decodes; the run of a time is named by it, in the zone given.
func TestDecodeScheduled(t *testing.T) {
	s, err := config.DecodeScheduled(scheduledInput(``))
	require.NoError(t, err)
	late := time.Date(2026, 11, 28, 23, 30, 0, 0, time.UTC)
	require.Equal(t, "churn-2026-11-28", s.RunAt(late))
	require.Equal(t, "everfold/sample/churn-2026-11-28", s.SpecOf(s.RunAt(late)).WorkflowID())
	require.True(t, s.Prune.IsZero())

	s, err = config.DecodeScheduled(scheduledInput(`,"timezone":"Europe/Berlin","prune":{"keep":7,"max_age":"90d"},"alert_drop":0.02`))
	require.NoError(t, err)
	require.Equal(t, "churn-2026-11-29", s.RunAt(late))
	require.Equal(t, config.Retention{Keep: 7, MaxAge: config.Age(90 * 24 * time.Hour), KeepBest: true}, s.Prune)
	require.Equal(t, 0.02, s.AlertDrop)
}

// What EncodeScheduled writes is decoded to the same; a run in the spec is not used.
func TestScheduledRoundTrip(t *testing.T) {
	s, err := config.DecodeScheduled(scheduledInput(`,"timezone":"UTC","prune":{"keep":7,"keep_best":false},"alert_drop":0.1,
		"start":{"spec":"/specs/churn.yaml","set":["folds.k=3"]}`))
	require.NoError(t, err)
	s.Spec.Run = "by-hand"
	text, err := config.EncodeScheduled(s)
	require.NoError(t, err)
	again, err := config.DecodeScheduled(text)
	require.NoError(t, err)
	require.NotEqual(t, "by-hand", again.Spec.Run)
	s.Spec.Run = again.Spec.Run
	require.Equal(t, s, again)
}

// Every mistake is refused by its place and what is allowed there.
func TestScheduledRefusals(t *testing.T) {
	for input, want := range map[string]string{
		`[]`:                                  "run spec: a list instead of keys; want at least spec and run_template",
		`{`:                                   "run spec: not valid JSON: unexpected end of JSON input",
		`{"run_template":"c-{date}"}`:         "run spec: spec: missing; give a run spec",
		string(scheduledInput(`,"x":1`)):      "run spec: x: unknown key; allowed: spec, run_template, timezone, prune, alert_drop, start",
		string(scheduledInput(`,"prune":{}`)): "run spec: prune: needs keep or max_age: nothing would be removed",
		string(scheduledInput(`,"prune":{"keep":0}`)):      "run spec: prune.keep: the number 0 is not allowed; want an integer from 1 to 1000000",
		string(scheduledInput(`,"prune":{"max_age":"x"}`)): `run spec: prune.max_age: "x" is no age; want days such as 90d or a duration such as 36h`,
		string(scheduledInput(`,"alert_drop":0`)):          "run spec: alert_drop: the number 0 is not allowed; want a number above 0 and below 1",
		string(scheduledInput(`,"timezone":"Local"`)):      `run spec: timezone: "Local" is no time zone; want a name such as Europe/Berlin or UTC`,
		string(scheduledInput(`,"timezone":"Mars/One"`)):   `run spec: timezone: "Mars/One" is no time zone; want a name such as Europe/Berlin or UTC`,
		strings.Replace(string(scheduledInput(``)), `"time":"t"`, `"tmie":"t"`, 1): `run spec: 2 problems
  spec.data.tmie: unknown key; did you mean "time"?
  spec.data.time: missing; give a column name`,
		strings.Replace(string(scheduledInput(`,"alert_drop":0.1`)), `,"notify":["${EVERFOLD_NOTIFY_TEAM}"]`, ``, 1): "run spec: alert_drop: needs spec.notify: nobody would be told",
	} {
		_, err := config.DecodeScheduled([]byte(input))
		require.EqualError(t, err, want, input)
	}
	for template, want := range map[string]string{
		"churn":                            "has no variable, so every start would be of the same run",
		"churn-{dat}":                      `unknown variable {dat}; did you mean "{date}"?; allowed: {date}, {datetime}, {hour}, {week}, {month}, {quarter}, {year}`,
		"Churn-{date}":                     `gives names such as "Churn-2026-11-28"; want names matching`,
		"churn-{date":                      "has no variable",
		"churn {date}":                     "want names matching",
		"c{{date}}":                        "want names matching",
		strings.Repeat("c", 60) + "{year}": "want names matching",
	} {
		_, err := config.DecodeScheduled([]byte(strings.Replace(string(scheduledInput(``)), "churn-{date}", template, 1)))
		require.ErrorContains(t, err, want, template)
	}
}
