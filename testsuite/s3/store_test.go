package s3

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/storetest"
	"everfold/testsuite/harness"
)

// A prefix in a bucket of a real server keeps the contract.
func TestConforms(t *testing.T) {
	server := harness.S3(t)
	var n atomic.Int64
	storetest.Run(t, func(t *testing.T) store.Store {
		return server.Store("conform/" + strings.Repeat("x", int(n.Add(1))))
	})
}

// The conditions of a write hold for uploads of several parts too, whose body is checked by
// the server as a whole.
func TestPartsUnderConditions(t *testing.T) {
	s := harness.S3(t).Store("parts")
	body := func(c string) []byte { return []byte(strings.Repeat(c, 9<<20)) }
	first, err := store.PutBytes(t.Context(), s, "large", body("a"), store.Condition{Absent: true})
	require.NoError(t, err)
	_, err = store.PutBytes(t.Context(), s, "large", body("b"), store.Condition{Absent: true})
	require.ErrorIs(t, err, store.ErrConflict)
	second, err := store.PutBytes(t.Context(), s, "large", body("b"), store.Condition{ETag: first.ETag})
	require.NoError(t, err)
	_, err = store.PutBytes(t.Context(), s, "large", body("c"), store.Condition{ETag: first.ETag})
	require.ErrorIs(t, err, store.ErrConflict)
	_, err = store.PutBytes(t.Context(), s, "none", body("c"), store.Condition{ETag: second.ETag})
	require.ErrorIs(t, err, store.ErrConflict)
	require.NoError(t, store.Verify(t.Context(), s, "large", 9<<20, store.SHA256(body("b"))))
}
