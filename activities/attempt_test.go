package activities

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// An attempt is told to end once its worker lets nothing go on and asks for no work any more,
// whichever comes last; a server that does not answer a stopping worker is waited for a
// moment. One that has ended by itself is told nothing.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask := func(work context.Context, interrupt, polling chan struct{}) chan bool {
			told := make(chan bool, 1)
			a := &Activities{}
			if interrupt != nil {
				a.Interrupt = interrupt
			}
			go func() { told <- a.stopped(work, polling) }()
			return told
		}
		for _, interruptFirst := range []bool{true, false} {
			first, last := make(chan struct{}), make(chan struct{})
			interrupt, polling := first, last
			if !interruptFirst {
				interrupt, polling = last, first
			}
			told := ask(t.Context(), interrupt, polling)
			close(first)
			synctest.Wait()
			require.Empty(t, told)
			close(last)
			require.True(t, <-told)
		}
		polling := make(chan struct{})
		told := ask(t.Context(), nil, polling)
		close(polling)
		require.True(t, <-told, "without a drain the end of polling is enough")

		interrupt := make(chan struct{})
		told = ask(t.Context(), interrupt, make(chan struct{}))
		close(interrupt)
		require.True(t, <-told, "the server does not answer")

		for _, interrupted := range []bool{false, true} {
			done, cancel := context.WithCancel(t.Context())
			interrupt := make(chan struct{})
			told = ask(done, interrupt, make(chan struct{}))
			if interrupted {
				close(interrupt)
				synctest.Wait()
			}
			cancel()
			require.False(t, <-told)
		}
	})
}
