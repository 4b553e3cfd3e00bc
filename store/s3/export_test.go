package s3

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Small are limits under which tests see parts, pages and retries at once. The patience with
// a silent server is long: only tests of it shorten it.
var Small = Limits{Part: 1 << 10, Attempts: 3, Backoff: time.Nanosecond, Idle: time.Minute, Assembly: time.Minute, Page: 2}

// Limits are the limits, exported.
type Limits struct {
	Part, Attempts          int
	Backoff, Idle, Assembly time.Duration
	Page                    int32
	Keys                    int   // 0: as usual
	Answer                  int64 // 0: as usual
}

// OpenWith is Open under other limits.
func OpenWith(ctx context.Context, uri string, o Options, l Limits) (*Store, error) {
	return open(ctx, uri, o, limits{part: l.Part, attempts: l.Attempts, backoff: l.Backoff, idle: l.Idle, assembly: l.Assembly, page: aws.Int32(l.Page),
		keys: cmp.Or(l.Keys, usual.keys), answer: cmp.Or(l.Answer, usual.answer)})
}
