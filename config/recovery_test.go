package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
)

// Spec and recovery survive the workflow's input; an empty recovery leaves no key.
func TestRecoveryRoundTrip(t *testing.T) {
	s := parse(t, minimal)
	for _, r := range []config.Recovery{
		{},
		{Model: "rsf"},
		{Model: "cox_ph", Only: []config.Stage{config.StageFinal, config.StagePredictions}},
	} {
		text, err := config.EncodeRecovery(s, r)
		require.NoError(t, err)
		spec, recovery, err := config.DecodeRecovery(text)
		require.NoError(t, err)
		require.Equal(t, s, spec)
		require.Equal(t, r, recovery)
	}
	plain, err := config.EncodeRecovery(s, config.Recovery{})
	require.NoError(t, err)
	_, err = config.DecodeJSON(plain)
	require.NoError(t, err, "without wishes the input is the spec")
}

// Recoveries are read strictly and checked against the spec.
func TestRecoveryRefusals(t *testing.T) {
	head := `{"run":"r","type":"sample","data":{"uri":"d.csv","time":"t","event":"e"},"recover":`
	for recovery, want := range map[string]string{
		`{"models":"rsf"}`:           `run spec: recover.models: unknown key; did you mean "model"?`,
		`{"model":"lgb"}`:            `run spec: recover.model: no model "lgb" in models; there are: cox_ph, coxnet, weibull_aft, gbsa, rsf, km`,
		`{"only":["metrics"]}`:       `recover.only[0]: "metrics" is not allowed; want folds, final or predictions`,
		`{"only":["folds","folds"]}`: "recover.only",
		`5`:                          "recover: the number 5 is not allowed",
	} {
		s, _, err := config.DecodeRecovery([]byte(head + recovery + "}"))
		require.Nil(t, s)
		require.ErrorContains(t, err, want)
	}
	_, _, err := config.DecodeRecovery([]byte(head + "null}"))
	require.NoError(t, err)
	_, _, err = config.DecodeRecovery([]byte(`{`))
	require.ErrorContains(t, err, "not valid JSON")
}

// Every stage is wanted unless some are named.
func TestRecoveryStages(t *testing.T) {
	require.True(t, config.Recovery{}.Has(config.StageFolds))
	only := config.Recovery{Only: []config.Stage{config.StageFinal}}
	require.True(t, only.Has(config.StageFinal))
	require.False(t, only.Has(config.StageFolds))
}
