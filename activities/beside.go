package activities

import (
	"fmt"
	"runtime/debug"
)

// beside calls do in a goroutine of its own. wait returns when that has ended, with its error;
// where do panicked, wait does: a panic is to end the attempt, not the worker.
func beside(do func() error) (wait func() error) {
	done, err := make(chan struct{}), error(nil)
	var panicked any
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
		}()
		err = do()
	}()
	return func() error {
		<-done
		if panicked != nil {
			panic(panicked)
		}
		return err
	}
}
