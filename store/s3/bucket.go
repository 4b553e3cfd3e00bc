package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"

	"everfold/store"
)

// Options say how a bucket is reached. The zero value is AWS as the environment and the shared
// configuration files describe it.
type Options struct {
	// Endpoint is the http(s):// address of another server than AWS; "" leaves it to
	// $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL and the shared files, and a server named there is
	// addressed with the bucket in the path.
	Endpoint string
	// Region; "" leaves it to $AWS_REGION and the shared files, and is us-east-1 where they
	// name none.
	Region string
	// PathStyle puts the bucket into the path instead of the host's name.
	PathStyle bool
	// Encryption at rest that is asked of the server with every write: "" leaves it to the
	// bucket; AES256, aws:kms or aws:kms:dsse. KMSKey names a key for the latter two; "" is
	// the account's own.
	Encryption string
	KMSKey     string
	// Control, where not nil, is asked before each connection to the server, with its address,
	// and redirects are not followed: for an Endpoint that somebody else has named. What it
	// refuses is passed on, wrapped, and is not store.ErrUnavailable.
	Control func(network, address string, c syscall.RawConn) error
	// Proxy says, in place of the environment, which proxy a request goes to. With Control it has to
	// look at the request's host, as a proxy connects where Control does not see; nil is none then.
	// Its errors are passed on as Control's.
	Proxy func(*http.Request) (*url.URL, error)
	// Client, where not nil, reaches the server, and what is said above of that is said by it:
	// Endpoint, Region, PathStyle, Control, Proxy. nil: a client of this store's own.
	Client *Client
	// Credentials, where not nil, replace the SDK's chain: for tests.
	Credentials aws.CredentialsProvider
}

// limits are what tests vary.
type limits struct {
	part     int           // bytes of an upload's part; smaller objects are put at once
	attempts int           // of one request
	backoff  time.Duration // before the second attempt at most, four times as much before each further one
	idle     time.Duration // that nothing moves on a connection
	assembly time.Duration // that nothing moves while the server makes one object of an upload's parts
	page     *int32        // keys of one page of a listing; nil: as many as the server gives
	keys     int           // of a listing at most, and pages
	answer   int64         // bytes of an answer at most that is no object
}

// An upload has at most 10,000 parts, so an object at most 78 GiB.
var usual = limits{part: 8 << 20, attempts: 4, backoff: 200 * time.Millisecond, idle: 15 * time.Second, assembly: 5 * time.Minute,
	keys: 5_000_000, answer: 64 << 20}

// bucket is a bucket and the client that reaches it.
type bucket struct {
	name    string
	client  *s3.Client
	patient aws.HTTPClient
	options Options
	limits  limits
}

func newBucket(ctx context.Context, name string, o Options, l limits) (bucket, error) {
	c := o.Client
	if c == nil {
		var err error
		if c, err = newClient(ctx, o, l); err != nil {
			return bucket{}, fmt.Errorf("open bucket %s: %w", name, err)
		}
	}
	return bucket{name: name, client: c.client, patient: c.patient, options: o, limits: l}, nil
}

// Client reaches a server, for any number of stores: they share its connections and credentials.
// Make one with NewClient.
type Client struct {
	client  *s3.Client
	patient aws.HTTPClient // has the patience of limits.assembly
}

// NewClient returns a client as o says it. It asks nobody; errors are those of Open.
func NewClient(ctx context.Context, o Options) (*Client, error) { return newClient(ctx, o, usual) }

func newClient(ctx context.Context, o Options, l limits) (*Client, error) {
	if o.Endpoint != "" {
		if u, err := url.Parse(o.Endpoint); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return nil, fmt.Errorf("%w: the endpoint is not of the form http://host or https://host", ErrURI)
		}
	}
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient()), // takes $AWS_CA_BUNDLE in
		config.WithRetryer(func() aws.Retryer { return newRetryer(l) }),
		config.WithAppID("everfold"),
		config.WithLogger(logging.Nop{}), // the SDK's warnings would go to the terminal; errors say what matters
		config.WithRegion(o.Region),
	}
	if o.Credentials != nil {
		load = append(load, config.WithCredentialsProvider(o.Credentials))
	}
	shared, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("%w: the AWS configuration of this process: %w", store.ErrUnavailable, err)
	}
	patient := shared.HTTPClient
	if client, ok := shared.HTTPClient.(*awshttp.BuildableClient); ok {
		shared.HTTPClient = boundedClient{impatient(client, l.idle, o), l.answer}
		patient = boundedClient{impatient(client, l.assembly, o), l.answer}
	}
	shared.Credentials = aws.NewCredentialsCache(markedCredentials{shared.Credentials})
	client := s3.NewFromConfig(shared, func(so *s3.Options) {
		so.UsePathStyle = o.PathStyle || so.BaseEndpoint != nil
		if o.Endpoint != "" {
			so.BaseEndpoint, so.UsePathStyle = &o.Endpoint, o.PathStyle
		}
		if so.Region == "" {
			so.Region = "us-east-1"
		}
		so.DisableLogOutputChecksumValidationSkipped = true
	})
	return &Client{client, patient}, nil
}

// encryption is what every write asks for.
func (b *bucket) encryption() (kind types.ServerSideEncryption, key *string) {
	if b.options.KMSKey != "" {
		key = &b.options.KMSKey
	}
	return types.ServerSideEncryption(b.options.Encryption), key
}

// get opens an object by its whole key; name is what people call it. Errors are the SDK's.
func (b *bucket) get(ctx context.Context, key, name string) (*object, store.Info, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return nil, store.Info{}, err
	}
	if out.ContentLength == nil {
		return nil, store.Info{}, errors.Join(errors.New("the answer does not tell the object's size"), out.Body.Close())
	}
	if answerID(out.ResultMetadata) == "" && aws.ToString(out.ETag) == "" {
		return nil, store.Info{}, errors.Join(errForeign, out.Body.Close())
	}
	info := store.Info{Key: name, Size: *out.ContentLength, ETag: aws.ToString(out.ETag), Modified: aws.ToTime(out.LastModified)}
	return &object{ctx: ctx, bucket: b, key: key, name: name, etag: info.ETag, size: info.Size, body: out.Body}, info, nil
}

// getRest opens what follows the first n bytes of the version that etag names.
func (b *bucket) getRest(ctx context.Context, key, etag string, n, size int64) (io.ReadCloser, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.name, Key: &key, IfMatch: &etag, Range: aws.String(fmt.Sprintf("bytes=%d-", n)),
	}, func(so *s3.Options) {
		// A checksum that comes along is that of the whole object.
		so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	if err != nil {
		return nil, err
	}
	want := fmt.Sprintf("bytes %d-%d/%d", n, size-1, size)
	if aws.ToString(out.ContentRange) != want || aws.ToString(out.ETag) != etag {
		return nil, errors.Join(errors.New("the answer is not the part of the object that was asked for"), out.Body.Close())
	}
	return out.Body, nil
}

// markedCredentials tells failures to get credentials from those of the store itself.
type markedCredentials struct{ chain aws.CredentialsProvider }

// credentialsError: there are no credentials to sign requests with.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// cause is why there are none. What a credential_process printed is not repeated: the SDK's error
// has it where it could not be read, and it may hold the keys.
func (e *credentialsError) cause() string {
	var process *processcreds.ProviderError
	if errors.As(e.err, &process) {
		return "the profile's credential_process failed, or printed what cannot be read: run it by hand"
	}
	return e.err.Error()
}

// Retrieve implements aws.CredentialsProvider.
func (m markedCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := m.chain.Retrieve(ctx)
	if err != nil {
		return c, &credentialsError{err}
	}
	return c, nil
}
