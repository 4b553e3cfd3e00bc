package mlflow

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"everfold/tracker"
)

// kinds by error_code. It decides before the HTTP status: codes that a server's own table
// lacks leave it as 500.
var kinds = map[string]tracker.Kind{
	"RESOURCE_DOES_NOT_EXIST": tracker.Gone, "NOT_FOUND": tracker.Gone,
	"UNAUTHENTICATED": tracker.Refused, "PERMISSION_DENIED": tracker.Refused, "CUSTOMER_UNAUTHORIZED": tracker.Refused,
	"REQUEST_LIMIT_EXCEEDED": tracker.Busy,
	"INTERNAL_ERROR":         tracker.Unavailable, "TEMPORARILY_UNAVAILABLE": tracker.Unavailable, "RESOURCE_CONFLICT": tracker.Unavailable,
	"ENDPOINT_NOT_FOUND": tracker.NotTracker,
}

// alreadyExists is the code of a lost race for an experiment's name.
const alreadyExists = "RESOURCE_ALREADY_EXISTS"

// apiError is an error by the API itself.
type apiError struct {
	code   string
	status int
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (HTTP %d)", e.code, e.status) }

// refusal is the error of an answer other than 200.
func (c *Client) refusal(op string, response *http.Response, text []byte) error {
	var body struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
	}
	out := &tracker.Error{Op: op}
	if json.Unmarshal(text, &body) == nil && body.Code != "" {
		out.Err = &apiError{body.Code, response.StatusCode}
		out.Kind, out.Text = kindOf(body.Code, body.Message, response.StatusCode), body.Code+": "+c.quote([]byte(body.Message))
	} else {
		out.Kind, out.Text = c.foreign(response, text)
	}
	switch out.Kind {
	case tracker.Busy:
		out.RetryAfter = retryAfter(response.Header.Get("Retry-After"))
	case tracker.Refused:
		out.Text += c.advice(string(text))
	}
	return out
}

func kindOf(code, message string, status int) tracker.Kind {
	kind, known := kinds[code]
	switch {
	case strings.Contains(message, "must be in the 'active' state"): // the run was deleted
		return tracker.Gone
	case known:
		return kind
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return tracker.Refused
	}
	return tracker.Rejected
}

// foreign is an answer that is not the API's own.
func (c *Client) foreign(response *http.Response, text []byte) (tracker.Kind, string) {
	said := fmt.Sprintf("HTTP %d, %s", response.StatusCode, c.quote(text))
	switch s := response.StatusCode; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusProxyAuthRequired:
		return tracker.Refused, said
	case s == http.StatusTooManyRequests:
		return tracker.Busy, said
	case s == http.StatusRequestTimeout || s >= 500:
		return tracker.Unavailable, said
	case s >= 300 && s < 400:
		where := "elsewhere"
		if u, err := url.Parse(response.Header.Get("Location")); err == nil && u.Host != "" {
			where = "to " + c.hide(u.Host)
		}
		return tracker.NotTracker, fmt.Sprintf("HTTP %d redirects %s: a login page, perhaps? Redirects are not followed", s, where)
	}
	return tracker.NotTracker, said
}

// advice is what to do about a refusal.
func (c *Client) advice(text string) string {
	switch {
	case strings.Contains(text, "Invalid Host header"):
		return "; start the server with this host among MLFLOW_SERVER_ALLOWED_HOSTS"
	case !c.o.hasCredentials():
		return "; no credentials were sent: they come from MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN, " +
			"in the environment, and go to the server of its MLFLOW_TRACKING_URI only"
	}
	return "; the credentials in the worker's environment are not accepted (expired?)"
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = 10 * time.Minute

// retryAfter reads seconds or a date, the two forms that HTTP has.
func retryAfter(value string) time.Duration {
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return min(time.Duration(min(n, 1e6))*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, min(time.Until(at), maxRetryAfter))
	}
	return 0
}
