package s3

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"everfold/store"
)

const (
	// partsInFlight at once, beside the one that is being read.
	partsInFlight = 3
	maxParts      = 10_000 // S3's
	// abortTimeout bounds the removal of a failed upload's parts: what stays is removed by the
	// bucket's lifecycle.
	abortTimeout = 5 * time.Second
	signEvery    = 5 * time.Second
)

// parts sends the body as a multipart upload, first being its first part.
func (p *put) parts(ctx context.Context, first []byte) (etag string, err error) {
	in := &s3.CreateMultipartUploadInput{
		Bucket: &p.name, Key: &p.key,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32, ChecksumType: types.ChecksumTypeFullObject,
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = p.encryption()
	begun, err := p.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return "", err
	}
	parts, err := p.sendParts(ctx, begun.UploadId, first)
	if err != nil {
		p.abort(ctx, begun.UploadId)
		return "", err
	}
	end := &s3.CompleteMultipartUploadInput{
		Bucket: &p.name, Key: &p.key, UploadId: begun.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		ChecksumCRC32:   checksum(p.sent.crc), ChecksumType: types.ChecksumTypeFullObject,
	}
	end.IfNoneMatch, end.IfMatch = condition(p.cond)
	completing, retries := countRetries(ctx)
	out, err := p.complete(completing, end)
	if err != nil {
		p.abort(ctx, begun.UploadId)
		return p.settle(ctx, *retries, err)
	}
	// A server may answer a repetition for the attempt before, which it finds begun: if that one died
	// with its process, there is no object.
	if *retries > 0 || aws.ToString(out.ETag) == "" {
		if etag, err = p.confirm(ctx); err != nil {
			p.abort(ctx, begun.UploadId)
		}
		return etag, err
	}
	return *out.ETag, nil
}

// complete has the server make one object of the parts. Some copy gigabytes for it, without a word
// until that is done: no hang for as long as limits.assembly, and no lost worker.
func (p *put) complete(ctx context.Context, end *s3.CompleteMultipartUploadInput) (*s3.CompleteMultipartUploadOutput, error) {
	defer signs(ctx)()
	return p.client.CompleteMultipartUpload(ctx, end, func(o *s3.Options) { o.HTTPClient = p.patient })
}

// signs gives a sign of life every signEvery until stop is called.
func signs(ctx context.Context) (stop func()) {
	ctx, stop = context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(signEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				store.Moved(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
	return stop
}

// sendParts reads one part while others are on their way.
func (p *put) sendParts(ctx context.Context, upload *string, part []byte) ([]types.CompletedPart, error) {
	group, sending := errgroup.WithContext(ctx)
	group.SetLimit(partsInFlight)
	var sent []*types.CompletedPart
	var err error
	for more := true; sending.Err() == nil; {
		s, content := &types.CompletedPart{PartNumber: aws.Int32(int32(len(sent) + 1))}, part
		sent = append(sent, s)
		group.Go(func() error { return p.sendPart(sending, upload, s, content) })
		if !more {
			break
		}
		if part, more, err = p.next(); err == nil && len(sent) == maxParts {
			err = &bodyError{fmt.Errorf("more than %d parts of %d bytes", maxParts, p.limits.part)}
		}
		if err != nil {
			break
		}
	}
	if failed := group.Wait(); err == nil {
		err = failed
	}
	parts := make([]types.CompletedPart, len(sent))
	for i, s := range sent {
		parts[i] = *s
	}
	return parts, err
}

func (p *put) sendPart(ctx context.Context, upload *string, done *types.CompletedPart, content []byte) error {
	done.ChecksumCRC32 = checksum(crc32.ChecksumIEEE(content))
	out, err := p.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &p.name, Key: &p.key, UploadId: upload, PartNumber: done.PartNumber,
		Body: moving(ctx, content), ContentLength: aws.Int64(int64(len(content))), ChecksumCRC32: done.ChecksumCRC32,
	})
	if err != nil {
		return err
	}
	done.ETag = out.ETag
	return nil
}

// abort frees the parts, also after ctx has ended.
func (p *put) abort(ctx context.Context, upload *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	_, _ = p.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &p.name, Key: &p.key, UploadId: upload})
}

// checksum is a CRC-32 in the form of the protocol.
func checksum(crc uint32) *string {
	return aws.String(base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc)))
}
