package activities

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
)

// respec writes another tie rule into run.json, and leaves its spec_digest as it is.
func (l *lab) respec() {
	l.t.Helper()
	text := strings.Replace(l.object(artifact.RunKey), `"ties": "efron"`, `"ties": "breslow"`, 1)
	var compact bytes.Buffer
	require.NoError(l.t, json.Compact(&compact, []byte(text)))
	sealed := compact.String()[:compact.Len()-66] // without the digest of the document, which is made right
	l.put(artifact.RunKey, sealed+store.SHA256([]byte(sealed+`"}`))+`"}`)
}

// A run.json whose spec is not the one that its spec_digest names is not believed: recover says so,
// and takes the spec that the folds agree with; a start of the run says that it is made anew, and counts
// nothing of it; a fit of the run makes nothing by it.
func TestSpecIsNotItsDigest(t *testing.T) {
	l := newLab(t)
	s := l.whole()
	undisturbed := l.results()
	l.respec()
	var unknown *UnknownRunError
	_, err := l.a.Recover(t.Context(), l.run(), RecoverInput{})
	require.ErrorAs(t, err, &unknown)
	require.ErrorContains(t, err, "spec_digest says "+s.Digest()[:12])
	_, err = l.fit(s, "cox_ph", 0, "")
	requireType(t, err, ErrArtifactCorrupt, true)
	require.ErrorContains(t, err, "spec_digest says")
	require.Contains(t, l.recover(RecoverInput{Spec: s}).Damage[0].Done, "restored from the spec")
	require.Equal(t, undisturbed, l.results())

	l.respec()
	plan, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	require.Len(t, plan.Warnings, 1)
	require.Contains(t, plan.Warnings[0], "spec_digest says")
	require.Contains(t, plan.Warnings[0], "it is made anew")
	for _, m := range plan.Models {
		for _, f := range m.Folds {
			require.Equal(t, Reuse, f.Action)
		}
	}
	plan, err = l.prepare(s, config.Request{})
	require.NoError(t, err)
	require.Empty(t, plan.Warnings)
}
