package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
)

// Spec and request survive the workflow's input; an empty request leaves no key.
func TestInputRoundTrip(t *testing.T) {
	s := parse(t, minimal)
	for _, r := range []config.Request{
		{},
		{Force: []string{"rsf", "cox_ph:4", "km:0"}, OnlyFailed: true, RetrainChanged: true, Fresh: true},
		{Fresh: true},
		{Start: config.Start{Spec: "/specs/churn.yaml", Set: []string{"folds.k=3"}, Run: "churn-2", Embedded: true}},
	} {
		text, err := config.EncodeInput(s, r)
		require.NoError(t, err)
		spec, request, err := config.DecodeInput(text)
		require.NoError(t, err)
		require.Equal(t, s, spec)
		require.Equal(t, r, request)
		require.NoError(t, r.Check(s))
	}
	plain, err := config.EncodeInput(s, config.Request{})
	require.NoError(t, err)
	_, err = config.DecodeJSON(plain)
	require.NoError(t, err, "without a request the input is the spec")
}

// Requests are read strictly and checked against the spec.
func TestInputRefusals(t *testing.T) {
	head := `{"run":"r","type":"sample","data":{"uri":"d.csv","time":"t","event":"e"},"request":`
	for request, want := range map[string]string{
		`{"forse":["rsf"]}`:       `run spec: request.forse: unknown key; did you mean "force"?`,
		`{"fresh":1}`:             "run spec: request.fresh: the number 1 is not allowed; want true or false",
		`5`:                       "run spec: request: the number 5 is not allowed; want a group of keys: force, only_failed, retrain_changed, fresh, start",
		`{"start":{"spec":5}}`:    "run spec: request.start.spec: the number 5 is not allowed; want a path; put text in quotes",
		`{"force":["rsf:x"]}`:     `run spec: request.force[0]: "rsf:x" is not allowed; want model or model:fold matching ^[a-z][a-z0-9_-]{0,62}(:[0-9]{1,9})?$`,
		`{"force":["rsf:5"]}`:     "run spec: request.force[0]: no fold 5; folds are 0 to 4",
		`{"force":["rsf","lgb"]}`: `run spec: request.force[1]: no model "lgb" in models; there are: cox_ph, coxnet, weibull_aft, gbsa, rsf, km`,
	} {
		t.Run(request, func(t *testing.T) {
			s, _, err := config.DecodeInput([]byte(head + request + "}"))
			require.Nil(t, s)
			require.EqualError(t, err, want)
		})
	}
	_, _, err := config.DecodeInput([]byte(`{"run":"r","request":{"fresh":1}}`))
	require.ErrorContains(t, err, "data.uri: missing")
	require.ErrorContains(t, err, "request.fresh")
	_, _, err = config.DecodeInput([]byte(`{`))
	require.EqualError(t, err, "run spec: not valid JSON: unexpected end of JSON input")
	_, _, err = config.DecodeInput([]byte(`[]`))
	require.ErrorContains(t, err, "a list instead of keys")
	_, _, err = config.DecodeInput([]byte(head + "null}"))
	require.NoError(t, err)
}

// Check is for requests from the command line; a fold file's numbers are not known yet.
func TestRequestCheck(t *testing.T) {
	s := parse(t, minimal+"folds: {file: f.csv}\n")
	require.NoError(t, config.Request{Force: []string{"rsf:99"}}.Check(s))
	err := config.Request{Force: []string{"RSF", "cox:1"}}.Check(s)
	require.EqualError(t, err, `run spec: 2 problems
  request.force[0]: "RSF" is not allowed; want model or model:fold
  request.force[1]: no model "cox" in models; there are: cox_ph, coxnet, weibull_aft, gbsa, rsf, km`)
}
