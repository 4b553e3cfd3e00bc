package mlflow

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"everfold/tracker"
)

const (
	api = "/api/2.0/mlflow/"
	// maxAnswer bounds what is read of an answer: a page of a metric's history is 3 MB.
	maxAnswer = 64 << 20
)

// get calls an endpoint that changes nothing and decodes its answer into out.
func (c *Client) get(ctx context.Context, op string, query url.Values, out any) error {
	return c.call(ctx, op, http.MethodGet, api+op+"?"+query.Encode(), nil, out)
}

// post calls an endpoint with a JSON body; out may be nil.
func (c *Client) post(ctx context.Context, op string, body, out any) error {
	return c.call(ctx, op, http.MethodPost, api+op, mustJSON(body), out)
}

func (c *Client) call(ctx context.Context, op, method, path string, body []byte, out any) error {
	if err := c.learnWorkspaces(ctx); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	request, err := c.request(limited, method, path, bytes.NewReader(body))
	if err != nil {
		return c.broken(ctx, op, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, text, err := c.exchange(request)
	if err != nil {
		return c.broken(ctx, op, err)
	}
	if response.StatusCode != http.StatusOK {
		return c.refusal(op, response, text)
	}
	if out == nil {
		out = &struct{}{}
	}
	if err := c.decode(op, text, out); err != nil {
		return err
	}
	tracker.Moved(ctx)
	return nil
}

// exchange sends a request and reads the answer, whose body is closed; of a longer one than
// maxAnswer only as much as shows that.
func (c *Client) exchange(request *http.Request) (*http.Response, []byte, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	return response, text, err
}

// decode reads an answer: anything but JSON is no tracking server's.
func (c *Client) decode(op string, text []byte, out any) error {
	if len(text) > maxAnswer || json.Unmarshal(text, out) != nil {
		return &tracker.Error{Kind: tracker.NotTracker, Op: op, Text: "the answer is not JSON but " + c.quote(text)}
	}
	return nil
}

// request is a request with this client's credentials.
func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "everfold")
	switch {
	case c.o.Username != "" || c.o.Password != "":
		request.SetBasicAuth(c.o.Username, c.o.Password)
	case c.o.Token != "":
		request.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.workspace != nil && *c.workspace {
		request.Header.Set("X-MLFLOW-WORKSPACE", c.o.Workspace)
	}
	return request, nil
}

// learnWorkspaces asks once whether the server has workspaces: one that has none refuses
// the header. Older servers do not know the question.
func (c *Client) learnWorkspaces(ctx context.Context) error {
	c.mu.Lock()
	learnt := c.workspace != nil
	c.mu.Unlock()
	if c.o.Workspace == "" || learnt {
		return nil
	}
	const op = "server-info"
	limited, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	request, err := c.request(limited, http.MethodGet, "/api/3.0/mlflow/server-info", nil)
	if err != nil {
		return c.broken(ctx, op, err)
	}
	response, text, err := c.exchange(request)
	if err != nil {
		return c.broken(ctx, op, err)
	}
	var info struct {
		Enabled bool `json:"workspaces_enabled"`
	}
	switch response.StatusCode {
	case http.StatusNotFound:
	case http.StatusOK:
		if err := c.decode(op, text, &info); err != nil {
			return err
		}
	default:
		return c.refusal(op, response, text)
	}
	c.mu.Lock()
	c.workspace = &info.Enabled
	c.mu.Unlock()
	return nil
}

// broken is a call without a whole answer. The caller's own end is told as such.
func (c *Client) broken(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("tracker: %s: %w", op, context.Cause(ctx))
	}
	text := ""
	var where *url.Error
	var network *net.OpError
	var lookup *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		text = c.hide(certificate.Err.Error()) + "; MLFLOW_TRACKING_SERVER_CERT_PATH names a file with the authority's certificate"
		return &tracker.Error{Kind: tracker.Settings, Op: op, Text: text, Err: err}
	case errors.Is(err, errStalled):
		text = fmt.Sprintf("nothing was taken for %v", c.o.Timeout)
	case errors.Is(err, context.DeadlineExceeded):
		text = fmt.Sprintf("no answer within %v", c.o.Timeout)
	case errors.As(err, &lookup):
		text = "lookup: " + lookup.Err
	case errors.As(err, &network): // without addresses, as all below
		text = network.Op + ": " + network.Err.Error()
	case errors.As(err, &where):
		text = where.Err.Error()
	default:
		text = err.Error()
	}
	return &tracker.Error{Kind: tracker.Unavailable, Op: op, Text: c.hide(text), Err: err}
}

// quote is the beginning of an answer, on one line. Secrets go before anything is cut: half
// of one is no longer recognized.
func (c *Client) quote(text []byte) string {
	const most = 200
	clean := c.hide(string(text))
	line := strings.Join(strings.Fields(strings.ToValidUTF8(clean[:min(len(clean), 4*most)], "�")), " ")
	if line == "" {
		return "nothing"
	}
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return "“" + line + "”"
}

// hide takes this client's secrets out of a text: a server may echo what it was sent.
func (c *Client) hide(text string) string {
	secrets := []string{c.o.Username, c.o.Password, c.o.Token}
	if c.o.Password != "" {
		secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(c.o.Username+":"+c.o.Password)))
	}
	if c.o.Name != "" {
		secrets = append(secrets, c.path)
	}
	// The longest first: one may be part of another.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	if c.o.Name == "" {
		return text
	}
	text = strings.ReplaceAll(text, c.host, c.o.Name)
	if name, _, err := net.SplitHostPort(c.host); err == nil {
		text = strings.ReplaceAll(text, name, c.o.Name)
	}
	return text
}
