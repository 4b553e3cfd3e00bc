//go:build linux

package webui

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// patience bounds every answer of the browser.
const patience = time.Minute

// browser is a Chromium with one page, driven by its DevTools protocol through a pair of pipes.
type browser struct {
	t       *testing.T
	in, out *os.File
	answers *bufio.Reader
	session string
	calls   int
	seen    string // what the page showed when it was last looked at
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	require.NoError(t, err, "no browser: apt-get install chromium")
	home := t.TempDir()
	theirIn, in, err := os.Pipe()
	require.NoError(t, err)
	out, theirOut, err := os.Pipe()
	require.NoError(t, err)
	harness.StartWith(t, []*os.File{theirIn, theirOut}, home, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}, program,
		"--headless", "--remote-debugging-pipe", "--user-data-dir="+filepath.Join(home, "profile"),
		// It has nothing to be protected from: it is the user of this test, and sees its pages alone.
		"--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
		"--window-size=1600,2400")
	require.NoError(t, theirIn.Close())
	require.NoError(t, theirOut.Close())
	t.Cleanup(func() { _, _ = in.Close(), out.Close() })
	b := &browser{t: t, in: in, out: out, answers: bufio.NewReader(out)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page shows:\n%s", b.seen)
		}
	})
	var made struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &made)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	return b
}

// call asks the browser, and reads its answer into out.
func (b *browser) call(method string, params map[string]any, out any) {
	b.t.Helper()
	require.Empty(b.t, b.try(method, params, out), method)
}

// try is call, and returns what the browser refuses it with. What it tells unasked is passed over.
func (b *browser) try(method string, params map[string]any, out any) (refusal string) {
	b.t.Helper()
	b.calls++
	text, err := json.Marshal(map[string]any{"id": b.calls, "method": method, "params": params, "sessionId": b.session})
	require.NoError(b.t, err)
	require.NoError(b.t, b.out.SetReadDeadline(time.Now().Add(patience)))
	_, err = b.in.Write(append(text, 0))
	require.NoError(b.t, err)
	for {
		text, err := b.answers.ReadBytes(0)
		require.NoError(b.t, err, "the browser does not answer to %s", method)
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  struct{ Message string }
		}
		require.NoError(b.t, json.Unmarshal(text[:len(text)-1], &answer))
		switch {
		case answer.ID != b.calls:
		case answer.Error.Message != "":
			return answer.Error.Message
		default:
			require.NoError(b.t, json.Unmarshal(answer.Result, out))
			return ""
		}
	}
}

// open goes to a page.
func (b *browser) open(url string) {
	b.t.Helper()
	var opened struct{ ErrorText string }
	b.call("Page.navigate", map[string]any{"url": url}, &opened)
	require.Empty(b.t, opened.ErrorText, url)
}

// script runs a program on the page and returns its value, a text; none where the page goes away
// meanwhile.
func (b *browser) script(program string) string {
	b.t.Helper()
	var done struct {
		Result struct{ Value string }
	}
	_ = b.try("Runtime.evaluate", map[string]any{"expression": program, "returnByValue": true}, &done)
	return done.Result.Value
}

// shows waits until the page shows a text, and another one nowhere.
func (b *browser) shows(text, never string) {
	b.t.Helper()
	harness.Eventually(b.t, "the page shows "+text+" and not "+never, func() bool {
		b.seen = b.script("document.body ? document.body.innerText : ''")
		return strings.Contains(b.seen, text) && !strings.Contains(b.seen, never)
	})
}
