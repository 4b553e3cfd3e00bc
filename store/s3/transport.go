package s3

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"everfold/store"
)

const (
	dialTimeout = 10 * time.Second
	// maxIdle connections stay open between requests: as many as a worker has requests at once.
	maxIdle     = 64
	writeBuffer = 64 << 10
	maxBackoff  = 5 * time.Second
)

// impatient makes a client give a connection up when nothing has moved on it for that long,
// in either direction. A limit on a whole request would end large transfers on slow links.
// With Control it stays with the server that it is given, see Options.
func impatient(client *awshttp.BuildableClient, idle time.Duration, o Options) aws.HTTPClient {
	dialer := &net.Dialer{Timeout: min(dialTimeout, idle), KeepAlive: 30 * time.Second, Control: marked(o.Control)}
	frozen := client.WithReadTimeout(0).WithTransportOptions(func(t *http.Transport) {
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return newImpatientConn(conn, idle), nil
		}
		if o.Control != nil || o.Proxy != nil {
			t.Proxy = markedProxy(o.Proxy)
		}
		t.TLSHandshakeTimeout = min(dialTimeout, idle)
		t.MaxIdleConns, t.MaxIdleConnsPerHost = maxIdle, maxIdle
		t.IdleConnTimeout = idle / 2 // before its deadline ends it: a request must not meet that
		t.WriteBufferSize = writeBuffer
	}).Freeze()
	if plain, ok := frozen.(*http.Client); ok && o.Control != nil {
		plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return frozen
}

// controlFunc is a net.Dialer's Control.
type controlFunc = func(network, address string, c syscall.RawConn) error

// refusedError is what Options.Control or Options.Proxy said.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// marked tells what control refuses from servers that cannot be reached.
func marked(control controlFunc) controlFunc {
	if control == nil {
		return nil
	}
	return func(network, address string, c syscall.RawConn) error {
		if err := control(network, address, c); err != nil {
			return &refusedError{err}
		}
		return nil
	}
}

// markedProxy is marked for proxies.
func markedProxy(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if proxy == nil {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		at, err := proxy(r)
		if err != nil {
			err = &refusedError{err}
		}
		return at, err
	}
}

// retryer is the SDK's standard one, with S3's own passing errors, short waits, and no quota:
// how long an outage is waited for is decided by the callers.
type retryer struct{ *retry.Standard }

func newRetryer(l limits) retryer {
	return retryer{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = l.attempts
		o.RateLimiter = ratelimit.None
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(unlessRefused)}, o.Retryables...)
		o.Retryables = append(o.Retryables,
			retry.RetryableErrorCode{Codes: folderCodes}, // another request was at the folder
			retry.RetryableErrorCode{Codes: map[string]struct{}{
				"ConditionalRequestConflict": {}, "OperationAborted": {}, // another request is at the object
				"BadDigest": {}, "IncompleteBody": {}, "XAmzContentSHA256Mismatch": {}, // damaged on the way
			}},
			retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{
				http.StatusRequestTimeout: {}, http.StatusTooManyRequests: {},
			}},
		)
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return jittered(min(l.backoff<<(2*(attempt-1)), maxBackoff)), nil
		})
	})}
}

// unlessRefused: what Options.Control or Options.Proxy refuses they refuse again.
func unlessRefused(err error) aws.Ternary {
	var refused *refusedError
	if errors.As(err, &refused) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// GetRetryToken is called once before each attempt but the first.
func (r retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	store.Moved(ctx)
	if n, ok := ctx.Value(retriesKey{}).(*int); ok {
		*n++
	}
	return r.Standard.GetRetryToken(ctx, err)
}

type retriesKey struct{}

// countRetries counts the attempts of a request beyond the first: an earlier one may have
// taken effect although its answer was lost.
func countRetries(ctx context.Context) (context.Context, *int) {
	n := new(int)
	return context.WithValue(ctx, retriesKey{}, n), n
}

// jittered is between half of most and most. Workers that met the same outage come back one
// after the other; no result depends on it.
func jittered(most time.Duration) time.Duration {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	share := float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)
	return most/2 + time.Duration(share*float64(most/2))
}
