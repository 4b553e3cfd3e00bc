package mlflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"everfold/tracker"
)

// fileTag begins the tags that hold the digest of each file that was sent: the API tells
// sizes only.
const fileTag = "everfold.sha256."

// proxyScheme is that of runs whose files go through the server itself.
const proxyScheme = "mlflow-artifacts"

// missingFiles are the files that the run lacks, and a note where it keeps its files in a
// place that this client does not write to.
func (c *Client) missingFiles(ctx context.Context, r *run, files []tracker.File, o tracker.Options) (missing []tracker.File, note string, err error) {
	if len(files) == 0 {
		return nil, "", nil
	}
	if _, note = c.fileFolder(r); note != "" {
		return nil, note, nil
	}
	var sizes map[string]int64
	if !o.Trust {
		if sizes, err = c.listFiles(ctx, r, files); err != nil {
			return nil, "", err
		}
	}
	for _, f := range files {
		size, there := sizes[f.Path]
		if r.tag(fileTag+f.Path) != f.SHA256 || !o.Trust && (!there || size != f.Size) {
			missing = append(missing, f)
		}
	}
	return missing, "", nil
}

// fileFolder is the path below the artifact proxy where the run's files are.
func (c *Client) fileFolder(r *run) (folder, note string) {
	u, err := url.Parse(r.Info.ArtifactURI)
	switch {
	case r.Info.ID == "": // not created yet: the server will say
		return "", ""
	case err != nil || u.Scheme == "":
		return "", "files are not sent: the server names no place for them that this program knows"
	case u.Scheme != proxyScheme:
		return "", fmt.Sprintf("files are not sent: the server keeps them at %s://…, not behind its own address (--serve-artifacts)", u.Scheme)
	case u.Host != "" && !strings.HasPrefix(c.base, "http://"+u.Host) && !strings.HasPrefix(c.base, "https://"+u.Host):
		return "", "files are not sent: the server names another host for them"
	}
	return strings.Trim(u.Path, "/"), ""
}

// listFiles are the sizes of the files in the folders that matter.
func (c *Client) listFiles(ctx context.Context, r *run, files []tracker.File) (map[string]int64, error) {
	sizes := map[string]int64{}
	listed := map[string]bool{}
	for _, f := range files {
		folder := path.Dir(f.Path)
		if r.Info.ID == "" || listed[folder] || r.tag(fileTag+f.Path) == "" {
			continue
		}
		listed[folder] = true
		query := url.Values{"run_id": {r.Info.ID}}
		if folder != "." {
			query.Set("path", folder)
		}
		var answer struct {
			Files []struct {
				Path string `json:"path"`
				Size whole  `json:"file_size"`
			} `json:"files"`
		}
		if err := c.get(ctx, "artifacts/list", query, &answer); err != nil {
			return nil, err
		}
		for _, have := range answer.Files {
			sizes[have.Path] = int64(have.Size)
		}
	}
	return sizes, nil
}

// sendFiles uploads files, then says of each by a tag which it is: one that was cut off has
// no tag and is sent again.
func (c *Client) sendFiles(ctx context.Context, r *run, files []tracker.File, report *tracker.Report) error {
	folder, note := c.fileFolder(r)
	if note != "" {
		return nil
	}
	for _, f := range files {
		if err := c.upload(ctx, folder+"/"+f.Path, f); err != nil {
			return err
		}
		tag := map[string]string{"run_id": r.Info.ID, "key": fileTag + f.Path, "value": f.SHA256}
		if err := c.post(ctx, "runs/set-tag", tag, nil); err != nil {
			return err
		}
		report.Files++
	}
	return nil
}

// errStalled ends an upload of which nothing was taken for the timeout of a call.
var errStalled = errors.New("the upload stalled")

func (c *Client) upload(ctx context.Context, target string, f tracker.File) error {
	op := "upload " + f.Path
	content, err := f.Open(ctx)
	if err != nil {
		return fmt.Errorf("tracker: %s: %w", op, err)
	}
	defer content.Close()
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(c.o.Timeout, func() { cancel(errStalled) })
	defer timer.Stop()
	sum := sha256.New()
	body := io.TeeReader(&progress{content, func() { timer.Reset(c.o.Timeout); tracker.Moved(ctx) }}, sum)
	elements := strings.Split(target, "/")
	for i, e := range elements {
		elements[i] = url.PathEscape(e)
	}
	request, err := c.request(limited, http.MethodPut, "/api/2.0/mlflow-artifacts/artifacts/"+strings.Join(elements, "/"), io.NopCloser(body))
	if err != nil {
		return c.broken(ctx, op, err)
	}
	request.ContentLength = f.Size
	if f.Size == 0 {
		request.Body = http.NoBody
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	response, text, err := c.exchange(request)
	if err != nil && errors.Is(context.Cause(limited), errStalled) {
		err = errStalled
	}
	if err != nil {
		return c.broken(ctx, op, err)
	}
	if response.StatusCode != http.StatusOK {
		return c.refusal(op, response, text)
	}
	if len(text) > 0 { // a login page may have taken it
		if err := c.decode(op, text, &struct{}{}); err != nil {
			return err
		}
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return &tracker.Error{Kind: tracker.Unavailable, Op: op, Text: "the file changed while it was sent, or the server did not take all of it"}
	}
	return nil
}

// progress says that something was read.
type progress struct {
	io.Reader
	moved func()
}

func (p *progress) Read(b []byte) (int, error) {
	p.moved()
	return p.Reader.Read(b)
}
