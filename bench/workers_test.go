package bench

import (
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"

	"everfold/internal/app"
	"everfold/testsuite/harness"
)

// BenchmarkWorkers measures how the wall time of a run falls with the number of workers: 40 fits
// that wait a second each, so that cores are no limit, one at a time a worker, on a store that all
// reach over S3. seconds is the run from its start to its end, overhead-% by how much that is more
// than the waits of one worker's share; fits-% the same from the first fit scheduled to the last
// completed, without preparing, summarizing and reporting.
func BenchmarkWorkers(b *testing.B) {
	const fits, pause = 40, time.Second
	for _, workers := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			l := newSharedLab(b, workers, pause)
			ideal := pause * fits / time.Duration(workers)
			var seconds, overhead, inFits []float64
			for b.Loop() {
				r := l.run(fits / 5)
				seconds = append(seconds, r.whole.Seconds())
				overhead = append(overhead, 100*(r.whole-ideal).Seconds()/ideal.Seconds())
				inFits = append(inFits, 100*(r.fits-ideal).Seconds()/ideal.Seconds())
			}
			report(b, "seconds", seconds)
			report(b, "overhead-%", overhead)
			report(b, "fits-%", inFits)
		})
	}
}

// newSharedLab has so many workers with one slot each and caches of their own, on an S3 server.
func newSharedLab(b *testing.B, workers int, pause time.Duration) *lab {
	b.Helper()
	bucket := harness.S3(b)
	b.Setenv("AWS_ACCESS_KEY_ID", harness.S3AccessKey)
	b.Setenv("AWS_SECRET_ACCESS_KEY", harness.S3SecretKey)
	l := &lab{b: b, client: harness.Server(b).Client()}
	l.store = fmt.Sprintf(`{"uri":"s3://%s/bench","endpoint":%q,"path_style":true,"region":"us-east-1"}`, harness.S3Bucket, bucket.URL)
	for i := range workers {
		l.work(app.WorkerOptions{
			Slots: 1, Name: fmt.Sprintf("worker-%d", i), Cache: b.TempDir(),
			Interceptors: []interceptor.WorkerInterceptor{&slow{pause: pause}},
		})
	}
	return l
}
