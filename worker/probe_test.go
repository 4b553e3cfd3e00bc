package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Claim: --probe ends with 0 where a worker polls, also when that listens on all interfaces; with
// 1, saying why, where it does not poll yet, something else answers, or nobody; with 2 where it
// is not told whom to ask. It serves nothing itself.
func TestProbe(t *testing.T) {
	answer, status := "", http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, metricsPath, r.URL.Path)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	ask := func(address string) (int, string) {
		var out, errs bytes.Buffer
		code := execute(t.Context(), []string{"--probe", "--metrics-listen", address}, strings.NewReader(""), &out, &errs)
		return code, errs.String()
	}
	for _, tc := range []struct {
		answer  string
		status  int
		address string
		code    int
		says    string
	}{
		{"# HELP x\n" + servingMetric + `task_queue="q"} 1`, 200, address, exitOK, ""},
		{servingMetric + "} 1", 200, "0.0.0.0:" + port, exitOK, ""},
		{servingMetric + "} 1", 200, ":" + port, exitOK, ""},
		{`everfold_build_info{version="1"} 1`, 200, address, exitFailed, "does not serve yet"},
		{strings.Repeat("x", 1<<20), 200, address, exitFailed, "too long"},
		{"", 404, address, exitFailed, "404 Not Found"},
		{"", 200, "127.0.0.1:1", exitFailed, "127.0.0.1:1"},
		{"", 200, "", exitUsage, "--metrics-listen"},
		{"", 200, "a b:1", exitUsage, "--metrics-listen"},
	} {
		answer, status = tc.answer, tc.status
		code, says := ask(tc.address)
		require.Equal(t, tc.code, code, "%q: %s", tc.address, says)
		require.Contains(t, says, tc.says)
	}

	s := settings{run: func(context.Context) error { t.Error("it served"); return nil }}
	cmd := newCommand(&s)
	cmd.SetArgs([]string{"--probe", "--metrics-listen", address})
	require.Error(t, cmd.ExecuteContext(t.Context()))
}
