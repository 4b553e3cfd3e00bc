// Package s3 keeps a store in a bucket of Amazon S3 or of a server that speaks its protocol:
// every object is an object at the store's prefix and its key.
//
// Preconditions: the server honours If-None-Match: * and If-Match on PutObject and, for
// objects above a part (8 MiB), on CompleteMultipartUpload; its answers are consistent, so
// that what was written is listed and read at once. AWS promises both; `starter doctor` tries
// the first on any server.
//
// Requests are tried again a few times within seconds: after a connection that broke, 5xx,
// throttling, and 409 ConditionalRequestConflict. A write whose answer was lost and whose
// repetition then meets 412 is read back: the same content in place is success. Nothing waits
// for a silent server longer than limits.idle, or limits.assembly where it completes an upload; waiting
// out an outage is the caller's.
//
// Credentials come from the SDK's own chain (environment, shared files, web identity,
// container, instance) and are kept nowhere.
//
// Non-goals: buckets' policies, versions, retention. Parts of uploads that a killed writer
// left behind are invisible and cost space until the bucket's lifecycle removes them.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"everfold/store"
)

// Scheme begins the URIs of this package.
const Scheme = "s3://"

// maxObjectKey is what S3 allows a key, prefix included, in bytes.
const maxObjectKey = 1024

var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$`)

// ErrURI: a URI does not name a bucket and a prefix, or an object, as it should.
var ErrURI = errors.New("not a usable s3:// URI")

// Store is a prefix in a bucket. Make one with Open.
type Store struct {
	bucket
	prefix string // "" or ending in a slash
}

var _ store.Store = (*Store)(nil)

// Open returns the store at s3://bucket or s3://bucket/prefix. The prefix has the form of a
// store's key. Nothing is asked of the server: a bucket that is not there is store.ErrUnavailable
// on first use, as is everything else that an operator can mend. ErrURI where uri is of another
// form; store.ErrUnavailable where the SDK's configuration files cannot be read.
func Open(ctx context.Context, uri string, o Options) (*Store, error) {
	return open(ctx, uri, o, usual)
}

func open(ctx context.Context, uri string, o Options, l limits) (*Store, error) {
	name, prefix, err := split(uri)
	if err != nil {
		return nil, err
	}
	if prefix = strings.TrimRight(prefix, "/"); prefix != "" {
		if err := store.CheckKey(prefix); err != nil {
			return nil, fmt.Errorf("%w: its prefix: %w", ErrURI, err)
		}
		prefix += "/"
	}
	b, err := newBucket(ctx, name, o, l)
	if err != nil {
		return nil, err
	}
	return &Store{bucket: b, prefix: prefix}, nil
}

// OpenObject opens any object, s3://bucket/key, whatever its key looks like: a data file that
// another program wrote. It behaves as a store's Get and tells the size.
func OpenObject(ctx context.Context, uri string, o Options) (io.ReadCloser, int64, error) {
	b, key, err := objectAt(ctx, uri, o)
	if err != nil {
		return nil, 0, err
	}
	body, info, err := b.get(ctx, key, key)
	if err != nil {
		return nil, 0, b.classify(ctx, "read", key, err)
	}
	return body, info.Size, nil
}

// PutObject writes an object at s3://bucket/key, whatever its key looks like, as a store's Put
// does, and tells the size.
func PutObject(ctx context.Context, uri string, body io.Reader, o Options) (int64, error) {
	b, key, err := objectAt(ctx, uri, o)
	if err != nil {
		return 0, err
	}
	info, err := b.put(ctx, key, key, body, store.Condition{})
	return info.Size, err
}

// objectAt is the bucket and the key of a URI.
func objectAt(ctx context.Context, uri string, o Options) (*bucket, string, error) {
	name, key, err := split(uri)
	if err != nil {
		return nil, "", err
	}
	if key == "" || len(key) > maxObjectKey {
		return nil, "", fmt.Errorf("%w: want s3://bucket/key", ErrURI)
	}
	b, err := newBucket(ctx, name, o, usual)
	return &b, key, err
}

func split(uri string) (bucket, rest string, err error) {
	rest, ok := strings.CutPrefix(uri, Scheme)
	if !ok {
		return "", "", fmt.Errorf("%w: want s3://bucket/prefix", ErrURI)
	}
	bucket, rest, _ = strings.Cut(rest, "/")
	if !bucketName.MatchString(bucket) {
		return "", "", fmt.Errorf("%w: %q is not the name of a bucket", ErrURI, bucket)
	}
	return bucket, rest, nil
}

// URI is s3://bucket/prefix.
func (s *Store) URI() string {
	return strings.TrimSuffix(Scheme+s.name+"/"+s.prefix, "/")
}

// begin checks what every method with a key checks first and returns the object's whole key.
func (s *Store) begin(ctx context.Context, key string) (string, error) {
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s: %w", key, ctx.Err())
	}
	if err := store.CheckKey(key); err != nil {
		return "", err
	}
	if len(s.prefix)+len(key) > maxObjectKey {
		return "", fmt.Errorf("%w %q: with the store's prefix it has %d characters, at most %d are allowed",
			store.ErrBadKey, key, len(s.prefix)+len(key), maxObjectKey)
	}
	return s.prefix + key, nil
}

// Get implements store.Store. A stream that breaks goes on where it was, from the same
// version of the object or not at all.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	object, err := s.begin(ctx, key)
	if err != nil {
		return nil, store.Info{}, err
	}
	body, info, err := s.get(ctx, object, key)
	if err != nil {
		return nil, store.Info{}, s.classify(ctx, "read", key, err)
	}
	return body, info, nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]store.Info, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, ctx.Err())
	}
	if err := store.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	var infos []store.Info
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
		Bucket: &s.name, Prefix: aws.String(s.prefix + prefix), MaxKeys: s.limits.page,
	})
	for n := 0; pages.HasMorePages(); n++ {
		if max(n, len(infos)) >= s.limits.keys {
			return nil, fmt.Errorf("list %s: %w: there are more than %d keys", prefix, store.ErrTooLarge, s.limits.keys)
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.classify(ctx, "list", prefix, err)
		}
		if err := checkPage(page); err != nil {
			return nil, s.classify(ctx, "list", prefix, err)
		}
		store.Moved(ctx)
		for _, object := range page.Contents {
			key := strings.TrimPrefix(aws.ToString(object.Key), s.prefix)
			if store.CheckKey(key) != nil {
				continue // another program's, such as the folder marks that consoles make
			}
			infos = append(infos, store.Info{
				Key: key, Size: aws.ToInt64(object.Size),
				ETag: aws.ToString(object.ETag), Modified: aws.ToTime(object.LastModified),
			})
		}
	}
	// S3 lists in this order; not every server does.
	slices.SortFunc(infos, func(a, b store.Info) int { return strings.Compare(a.Key, b.Key) })
	return infos, nil
}

// checkPage refuses what is no page of a listing, which would read as an empty one, and a page that
// says neither that it is the last nor which is the next.
func checkPage(page *s3.ListObjectsV2Output) error {
	switch {
	case page.Name == nil && page.KeyCount == nil && page.IsTruncated == nil:
		return errForeign
	case aws.ToBool(page.IsTruncated) && aws.ToString(page.NextContinuationToken) == "":
		return errors.New("the listing goes on, and the server does not say where")
	default:
		return nil
	}
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	object, err := s.begin(ctx, key)
	if err != nil {
		return err
	}
	out, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.name, Key: &object})
	switch {
	case isMissing(err):
		return nil
	case err == nil && !isDeletion(out):
		err = errForeign
	}
	return s.classify(ctx, "delete", key, err)
}

// isDeletion tells an S3 server's answer from the page of a proxy: 204, as the protocol has it, or an
// id of the request.
func isDeletion(out *s3.DeleteObjectOutput) bool {
	raw, ok := middleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	return answerID(out.ResultMetadata) != "" || ok && raw.StatusCode == http.StatusNoContent
}
