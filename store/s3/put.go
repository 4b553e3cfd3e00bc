package s3

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"everfold/store"
)

const sourceBuffer = 16 << 10

// Put implements store.Store: one request where the body fits into a part, else a multipart
// upload, which becomes visible whole when it is completed.
func (s *Store) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	cond.Check()
	full, err := s.begin(ctx, key)
	if err != nil {
		return store.Info{}, err
	}
	return s.put(ctx, full, key, body, cond)
}

// put writes an object by its whole key; name is what people call it.
func (b *bucket) put(ctx context.Context, key, name string, body io.Reader, cond store.Condition) (store.Info, error) {
	p := &put{bucket: b, key: key, cond: cond}
	p.source = bufio.NewReaderSize(&bodyReader{ctx: ctx, r: body}, sourceBuffer)
	etag, err := p.send(ctx)
	if err != nil {
		return store.Info{}, b.classify(ctx, "write", name, err)
	}
	return store.Info{Key: name, Size: p.sent.sum.Size(), ETag: etag}, nil
}

// put is one object on its way.
type put struct {
	*bucket
	key    string // whole, in the bucket
	cond   store.Condition
	source *bufio.Reader
	sent   digests
}

// digests describe what was sent.
type digests struct {
	crc uint32
	sum store.Hashing
}

func (d *digests) add(part []byte) {
	d.crc = crc32.Update(d.crc, crc32.IEEETable, part)
	_, _ = d.sum.Write(part) // a Hashing without W never fails
}

func (p *put) send(ctx context.Context) (etag string, err error) {
	first, more, err := p.next()
	switch {
	case err != nil:
		return "", err
	case more:
		return p.parts(ctx, first)
	default:
		return p.whole(ctx, first)
	}
}

// next reads a part and says whether another follows.
func (p *put) next() (part []byte, more bool, err error) {
	var b bytes.Buffer
	_, err = io.CopyN(&b, p.source, int64(p.limits.part))
	if err == nil {
		_, err = p.source.Peek(1)
	}
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	p.sent.add(b.Bytes())
	return b.Bytes(), err == nil, nil
}

func (p *put) whole(ctx context.Context, content []byte) (etag string, err error) {
	in := &s3.PutObjectInput{
		Bucket: &p.name, Key: &p.key, Body: moving(ctx, content), ContentLength: aws.Int64(int64(len(content))),
		ChecksumCRC32: checksum(p.sent.crc),
	}
	in.IfNoneMatch, in.IfMatch = condition(p.cond)
	in.ServerSideEncryption, in.SSEKMSKeyId = p.encryption()
	ctx, retries := countRetries(ctx)
	out, err := p.client.PutObject(ctx, in)
	if err != nil {
		return p.settle(ctx, *retries, err)
	}
	if answerID(out.ResultMetadata) == "" || aws.ToString(out.ETag) == "" {
		return p.confirm(ctx) // a page may have a tag of its own
	}
	return *out.ETag, nil
}

// condition is cond in the words of the protocol.
func condition(cond store.Condition) (ifNoneMatch, ifMatch *string) {
	switch {
	case cond.Absent:
		return aws.String("*"), nil
	case cond.ETag != "":
		return nil, &cond.ETag
	default:
		return nil, nil
	}
}

// settle says what a refusal means. One that follows a lost answer may be about this very
// object: the attempt before took effect. It is read back; the same content is success.
func (p *put) settle(ctx context.Context, retries int, refusal error) (etag string, err error) {
	refused := isConditionFailed(refusal) || p.cond.ETag != "" && isMissing(refusal)
	if refused {
		refusal = fmt.Errorf("%w: %s", store.ErrConflict, p.unmet())
	}
	if retries == 0 || !refused && !isCode(refusal, "NoSuchUpload") {
		return "", refusal
	}
	etag, err = p.readBack(ctx)
	switch {
	case err == nil:
		return etag, nil
	case isMissing(err), errors.Is(err, store.ErrCorrupt):
		return "", refusal // none, or another's
	default:
		return "", fmt.Errorf("read back after a refusal: %w", err)
	}
}

func (p *put) unmet() string {
	if p.cond.Absent {
		return "the object exists"
	}
	return "the object was replaced or is gone"
}

// readBack returns the ETag of the object in place if its content is what was sent.
func (p *put) readBack(ctx context.Context) (etag string, err error) {
	body, info, err := p.get(ctx, p.key, p.key)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	_, err = io.Copy(moved{ctx}, store.VerifyReader(body, p.sent.sum.Size(), p.sent.sum.SHA256()))
	return info.ETag, err
}

// moved drops what comes, and gives a sign of life with every piece of it.
type moved struct{ ctx context.Context }

func (m moved) Write(p []byte) (int, error) {
	store.Moved(m.ctx)
	return len(p), nil
}

// confirm reads back what is doubtfully said to be written.
func (p *put) confirm(ctx context.Context) (etag string, err error) {
	etag, err = p.readBack(ctx)
	switch {
	case err == nil:
		return etag, nil
	case errors.Is(err, store.ErrCorrupt) && p.cond != (store.Condition{}): // another's
		return "", fmt.Errorf("%w: %s", store.ErrConflict, p.unmet())
	case isMissing(err), errors.Is(err, store.ErrCorrupt):
		return "", fmt.Errorf("%w: the server says that it has written the object, and has not got it", store.ErrUnavailable)
	default:
		return "", err
	}
}

// bodyReader reads a Put's body, stops with ctx, and marks the body's own error, so that it
// is not taken for one of the server.
type bodyReader struct {
	ctx context.Context
	r   io.Reader
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, b.ctx.Err()
	}
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = &bodyError{err}
	}
	return n, err
}

// bodyError marks an error of the caller's reader: classify leaves it alone.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// movingReader gives a sign of life with every piece of it that goes out.
type movingReader struct {
	ctx context.Context
	r   *bytes.Reader // not embedded: its WriteTo would hand over everything at once
}

func moving(ctx context.Context, content []byte) io.ReadSeeker {
	return &movingReader{ctx, bytes.NewReader(content)}
}

func (m *movingReader) Read(p []byte) (int, error) {
	store.Moved(m.ctx)
	return m.r.Read(p)
}

func (m *movingReader) Seek(offset int64, whence int) (int64, error) { return m.r.Seek(offset, whence) }
