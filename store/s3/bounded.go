package s3

import (
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// errTooLong: a server answers with more than the protocol has to say.
var errTooLong = errors.New("the server's answer does not end")

// boundedClient cuts off what the SDK reads whole: every answer but an object. The server may be
// one that somebody else has named.
type boundedClient struct {
	aws.HTTPClient
	most int64 // bytes
}

// Do implements aws.HTTPClient.
func (c boundedClient) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.HTTPClient.Do(r)
	if err != nil || isObject(r, answer) {
		return answer, err
	}
	answer.Body = &boundedBody{answer.Body, c.most}
	return answer, nil
}

func isObject(r *http.Request, answer *http.Response) bool {
	return r.Method == http.MethodGet && answer.StatusCode/100 == 2 && !r.URL.Query().Has("list-type")
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		var one [1]byte
		n, err := b.ReadCloser.Read(one[:])
		if n > 0 {
			err = errTooLong
		}
		return 0, err
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
