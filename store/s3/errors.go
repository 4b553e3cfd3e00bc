package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"everfold/store"
)

// Interfaces of the SDK's errors.
type (
	codedError interface {
		ErrorCode() string
		ErrorMessage() string
	}
	statusError interface {
		HTTPStatusCode() int
	}
	requestError interface {
		ServiceRequestID() string
	}
)

func code(err error) string {
	var coded codedError
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return ""
}

func status(err error) int {
	var s statusError
	if errors.As(err, &s) {
		return s.HTTPStatusCode()
	}
	return 0
}

func isCode(err error, want string) bool { return code(err) == want }

// isMissing: no object has the key, and an S3 server says so. The status alone does not: proxies
// answer 404 for a server that is away. A missing bucket is another matter.
func isMissing(err error) bool {
	return isCode(err, "NoSuchKey") || isCode(err, "NotFound") && requestID(err) != ""
}

// isForeign: something that is no S3 server has refused; the code is the SDK's own, or there is none.
func isForeign(err error) bool {
	return status(err) == http.StatusNotFound && requestID(err) == "" && (code(err) == "" || isCode(err, "NotFound"))
}

// errForeign: what has answered is no S3 server, although it may call all well.
var errForeign = errors.New("what answers is no S3 server: check store.endpoint and what stands before the server")

// answerID is the id that S3 servers give a request, of its answer; "": none.
func answerID(m middleware.Metadata) string {
	id, _ := awsmiddleware.GetRequestIDMetadata(m)
	return id
}

// requestID is that id, of a refusal.
func requestID(err error) string {
	var request requestError
	if errors.As(err, &request) {
		return request.ServiceRequestID()
	}
	return ""
}

func isConditionFailed(err error) bool {
	return isCode(err, "PreconditionFailed") || status(err) == http.StatusPreconditionFailed
}

// badKeyCodes are refusals of the key itself.
var badKeyCodes = map[string]bool{"KeyTooLongError": true, "KeyTooLong": true}

// folderCodes are refusals by servers that keep objects in folders. For the keys that there are
// they pass: folders come and go with the objects in them, and such a server was seen to answer so
// while it had two requests for one key in hand. So they are tried again, and store.ErrUnavailable, too.
var folderCodes = map[string]struct{}{"ObjectParentIsFile": {}, "ExistingObjectIsDirectory": {}}

func isFolder(err error) bool {
	_, is := folderCodes[code(err)]
	return is
}

const (
	adviceKeys   = "check the credentials of this process (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or its role)"
	adviceRegion = "set store.region, or AWS_REGION, to the region of the bucket"
	adviceSlow   = "the server asks for fewer requests"
	adviceFull   = "the server has no room left"
	adviceKMS    = "check store.kms_key and that this process may use it"
)

// advice is what to do about an error code, for the reader of the message.
var advice = map[string]string{
	"NoSuchBucket":                       "the bucket does not exist there: create it, or correct store.uri or store.endpoint",
	"InvalidAccessKeyId":                 adviceKeys,
	"SignatureDoesNotMatch":              adviceKeys,
	"InvalidToken":                       adviceKeys,
	"AuthorizationHeaderMalformed":       adviceRegion,
	"ExpiredToken":                       "the credentials have expired: renew them",
	"TokenRefreshRequired":               "the credentials have expired: renew them",
	"AccessDenied":                       "the credentials lack a permission: docs/OPERATIONS.md has the policy that is needed",
	"AllAccessDisabled":                  "the bucket is disabled",
	"RequestTimeTooSkewed":               "set the clock of this machine",
	"PermanentRedirect":                  adviceRegion,
	"IllegalLocationConstraintException": adviceRegion,
	"SlowDown":                           adviceSlow,
	"TooManyRequests":                    adviceSlow,
	"InsufficientCapacity":               adviceFull,
	"QuotaExceeded":                      adviceFull,
	"NoSpaceLeftOnDevice":                adviceFull,
	"XMinioStorageFull":                  adviceFull,
	"NotImplemented":                     "the server lacks something that is needed: conditional writes, perhaps",
	"KMS.NotFoundException":              adviceKMS,
	"KMS.DisabledException":              adviceKMS,
}

// classify gives the SDK's error its place in the contract of package store. It adds the
// operation and the key; nil, and errors of ctx or the body, keep their kind. The SDK's own
// errors are told and not wrapped: a lost connection is neither a missing file nor the end of
// the caller's time.
func (b *bucket) classify(ctx context.Context, operation, key string, err error) error {
	var body *bodyError
	var refused *refusedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return fmt.Errorf("%s %s in bucket %s: %w", operation, key, b.name, refused.err)
	case errors.As(err, &body),
		errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrUnavailable):
		return fmt.Errorf("%s %s: %w", operation, key, err)
	case ctx.Err() != nil:
		return fmt.Errorf("%s %s: %w", operation, key, ctx.Err())
	case isMissing(err) && operation == "read":
		return fmt.Errorf("read %s: %w", key, store.ErrNotFound)
	case (badKeyCodes[code(err)] || isFolder(err)) && operation == "read":
		return fmt.Errorf("read %s: %w", key, store.ErrNotFound)
	case isFolder(err):
		return fmt.Errorf("%s %s: %w (%w): %s", operation, key, store.ErrBadKey, store.ErrUnavailable, describe(err))
	case badKeyCodes[code(err)]:
		return fmt.Errorf("%s %s: %w: %s", operation, key, store.ErrBadKey, describe(err))
	default:
		return fmt.Errorf("%s %s in bucket %s: %w: %s", operation, key, b.name, store.ErrUnavailable, describe(err))
	}
}

// describe says what happened and what to do, without the SDK's layers.
func describe(err error) string {
	var credentials *credentialsError
	if errors.As(err, &credentials) {
		return fmt.Sprintf("there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or a role (%s)", credentials.cause())
	}
	if isForeign(err) {
		return fmt.Sprintf("%v (HTTP %d)", errForeign, status(err))
	}
	var coded codedError
	if errors.As(err, &coded) {
		return describeCoded(err, coded)
	}
	var sent *url.Error
	var conn *net.OpError
	switch {
	case errors.As(err, &sent):
		return "the server cannot be reached: " + silence(sent.Err)
	case errors.As(err, &conn):
		return "the connection broke: " + silence(conn)
	default:
		return err.Error()
	}
}

// silence names the end of the patience with a server for what it is.
func silence(err error) string {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Sprintf("it does not answer (%v)", err)
	}
	return err.Error()
}

func describeCoded(err error, coded codedError) string {
	text := coded.ErrorCode()
	if coded.ErrorMessage() != "" {
		text += ": " + coded.ErrorMessage()
	}
	if s := status(err); s != 0 {
		text = fmt.Sprintf("HTTP %d %s", s, text)
	}
	if id := requestID(err); id != "" {
		text += ", request " + id
	}
	if hint, ok := advice[coded.ErrorCode()]; ok {
		return hint + " (" + text + ")"
	}
	return text
}
