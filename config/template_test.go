package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/config"
)

func at(t *testing.T, zone, s string) time.Time {
	t.Helper()
	where, err := time.LoadLocation(zone)
	require.NoError(t, err)
	v, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return v.In(where)
}

// Each variable is the period that the time is in, in the time's zone; ISO weeks have the
// year that they belong to.
func TestTemplateExpand(t *testing.T) {
	night := at(t, "Europe/Berlin", "2026-11-27T23:30:05Z") // the 28th there
	for template, want := range map[config.Template]string{
		"churn-{date}":     "churn-2026-11-28",
		"churn-{datetime}": "churn-2026-11-28-003005",
		"{hour}.churn":     "2026-11-28-00.churn",
		"c-{week}":         "c-2026-w48",
		"c-{month}-x":      "c-2026-11-x",
		"c_{quarter}":      "c_2026-q4",
		"{year}-{week}":    "2026-2026-w48",
	} {
		require.Equal(t, want, template.Expand(night), template)
	}
	require.Equal(t, "c-2026-w53", config.Template("c-{week}").Expand(at(t, "UTC", "2027-01-01T12:00:00Z")))
	require.Equal(t, "c-2027-q1", config.Template("c-{quarter}").Expand(at(t, "UTC", "2027-03-31T12:00:00Z")))
}

// Names of one template sort by time, and Names matches them and nothing longer or shorter.
func TestTemplateNamesSortByTime(t *testing.T) {
	variables, examples := config.Variables()
	require.Len(t, examples, len(variables))
	rapid.Check(t, func(r *rapid.T) {
		template := config.Template("c.-" + rapid.SampledFrom(variables).Draw(r, "a") + "-" + rapid.SampledFrom(variables).Draw(r, "b"))
		seconds := rapid.Int64Range(0, 4_000_000_000)
		first, second := seconds.Draw(r, "first"), seconds.Draw(r, "second")
		a, b := template.Expand(time.Unix(min(first, second), 0).UTC()), template.Expand(time.Unix(max(first, second), 0).UTC())
		require.LessOrEqual(r, a, b)
		require.True(r, template.Names().MatchString(a))
		require.False(r, template.Names().MatchString(a+"0"))
		require.False(r, template.Names().MatchString("cx"+a[2:]), "a dot is a dot")
	})
}

// The stem is what a schedule of the template is called.
func TestTemplateStem(t *testing.T) {
	require.Equal(t, "churn", config.Template("churn-{date}").Stem())
	require.Equal(t, "churn", config.Template("{year}_churn-{week}").Stem())
	require.Empty(t, config.Template("{date}").Stem())
}

// An age is days or a duration, above zero, and is written as the shortest of them.
func TestAge(t *testing.T) {
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "36h": 36 * time.Hour, "48h": 48 * time.Hour, "90m": 90 * time.Minute} {
		age, err := config.ParseAge(text)
		require.NoError(t, err)
		require.Equal(t, want, age.Std())
	}
	age, err := config.ParseAge("48h")
	require.NoError(t, err)
	require.Equal(t, "2d", age.String())
	for _, bad := range []string{"", "d", "0d", "-1d", "1.5d", "90", "0s", "-3h", "100000d", "1w"} {
		_, err := config.ParseAge(bad)
		require.ErrorContains(t, err, "want days such as 90d", bad)
	}
}
