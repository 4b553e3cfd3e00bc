package harness

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"everfold/store/s3"
)

// The credentials and the bucket of an S3Server.
const (
	S3AccessKey = "everfold-test"
	S3SecretKey = "everfold-test-secret"
	S3Bucket    = "bucket"
)

var s3Keys = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: S3AccessKey, SecretAccessKey: S3SecretKey}, nil
})

// S3Server is a private versitygw: a real S3 server over a temporary folder, with one bucket.
type S3Server struct {
	URL string // http://host:port
	Dir string // of the buckets, kept over Kill and Restart

	tb   testing.TB
	port string
	proc *Process
}

// S3 starts a server, creates its bucket and waits until it answers.
func S3(tb testing.TB) *S3Server {
	tb.Helper()
	s := &S3Server{tb: tb, Dir: tb.TempDir(), port: net.JoinHostPort("127.0.0.1", strconv.Itoa(FreePorts(tb, 1)[0]))}
	s.URL = "http://" + s.port
	s.Restart()
	return s
}

// versitygw returns the S3 server's program: $EVERFOLD_VERSITYGW or <repository>/bin/versitygw.
func versitygw(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv("EVERFOLD_VERSITYGW")
	if path == "" {
		path = filepath.Join(Root(tb), "bin", "versitygw")
	}
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("harness: no S3 server: run `make versitygw`, or set EVERFOLD_VERSITYGW: %v", err)
	}
	return path
}

// Restart starts the server again on the same port and folder, and waits until it answers. A
// running one is killed first.
func (s *S3Server) Restart() {
	s.tb.Helper()
	s.Kill()
	env := append(environment(s.tb, Env{}), "ROOT_ACCESS_KEY="+S3AccessKey, "ROOT_SECRET_KEY="+S3SecretKey)
	s.proc = Start(s.tb, s.Dir, env, versitygw(s.tb), "--port", s.port, "--quiet", "posix", s.Dir)
	client := sdk.New(sdk.Options{
		BaseEndpoint: &s.URL, Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: s3Keys,
	})
	Eventually(s.tb, "the S3 server answers", func() bool {
		_, err := client.HeadBucket(s.tb.Context(), &sdk.HeadBucketInput{Bucket: aws.String(S3Bucket)})
		if err != nil {
			_, err = client.CreateBucket(s.tb.Context(), &sdk.CreateBucketInput{Bucket: aws.String(S3Bucket)})
		}
		return err == nil
	})
}

// Kill ends the server by SIGKILL.
func (s *S3Server) Kill() {
	if s.proc != nil {
		s.proc.Kill()
	}
}

// Options reach the server, or what stands before it at another url.
func (s *S3Server) Options(url string) s3.Options {
	return s3.Options{
		Endpoint: url, PathStyle: true, Region: "us-east-1",
		Credentials: s3Keys,
	}
}

// Store opens the store at a prefix of the bucket.
func (s *S3Server) Store(prefix string) *s3.Store {
	s.tb.Helper()
	st, err := s3.Open(s.tb.Context(), s3.Scheme+S3Bucket+"/"+prefix, s.Options(s.URL))
	if err != nil {
		s.tb.Fatalf("harness: %v", err)
	}
	return st
}

// Env are the credentials for programs, and the address for those that are given a URI alone.
func (s *S3Server) Env() []string {
	return append(S3Keys(), "AWS_ENDPOINT_URL_S3="+s.URL)
}

// S3Keys are the credentials for programs.
func S3Keys() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + S3AccessKey, "AWS_SECRET_ACCESS_KEY=" + S3SecretKey, "AWS_REGION=us-east-1"}
}
