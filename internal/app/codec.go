package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"everfold/internal/codec"
)

// Names of the environment variables of payload encryption. Keys are in no flag: a command
// line is for all to see.
const (
	EnvCodecKeys     = "EVERFOLD_CODEC_KEYS"
	EnvCodecKeysFile = "EVERFOLD_CODEC_KEYS_FILE"
	EnvCodecToken    = "EVERFOLD_CODEC_TOKEN"
)

// CodecKeys are the keys by which this program encrypts what Temporal stores, and decrypts it.
// Nil encrypts nothing.
type CodecKeys = codec.Keys

// ErrCodecKey: a payload is encrypted by a key that this program lacks. Callers exit with 2.
var ErrCodecKey = codec.ErrKey

// LoadCodecKeys reads the keys of the environment: EnvCodecKeys holds them, or EnvCodecKeysFile
// names their file. Nil where neither is set; ErrConnectionSettings where they cannot be used.
// No error quotes a key.
func LoadCodecKeys() (*CodecKeys, error) {
	text, file, name := os.Getenv(EnvCodecKeys), os.Getenv(EnvCodecKeysFile), EnvCodecKeys
	switch {
	case text != "" && file != "":
		return nil, fmt.Errorf("%w: both %s and %s are set: which keys count?", ErrConnectionSettings, EnvCodecKeys, EnvCodecKeysFile)
	case file != "":
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: the file cannot be read: %w", ErrConnectionSettings, EnvCodecKeysFile, cause(err))
		}
		text, name = string(content), EnvCodecKeysFile
	case text == "":
		return nil, nil
	}
	keys, err := codec.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrConnectionSettings, name, err)
	}
	return keys, nil
}

// cause is a file's error without its path, which may be a key that was put in the wrong
// variable.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// CodecKeyOf is the id of the key that a stored payload is encrypted by; "" where it is not.
func CodecKeyOf(p *commonpb.Payload) string { return codec.KeyOf(p) }

// NewCodecKey is a new random key, in the form of the keys' file.
func NewCodecKey(id string) (string, error) { return codec.NewKey(id) }

// CodecEndpoint decrypts for Temporal's Web UI and CLI.
type CodecEndpoint struct {
	listener net.Listener
	handler  http.Handler
	Keys     []string // ids
}

// ErrCodecEndpoint: the endpoint's settings cannot be used. Callers exit with 2.
var ErrCodecEndpoint = errors.New("codec endpoint")

// ListenCodec takes the address, host:port, for requests of the CLI and of the pages of the
// origins. Beyond this machine it wants a token, EnvCodecToken.
func ListenCodec(address string, origins []string) (*CodecEndpoint, error) {
	keys, err := LoadCodecKeys()
	if err != nil {
		return nil, err
	}
	if keys == nil {
		return nil, fmt.Errorf("%w: there are no keys: set %s or %s", ErrCodecEndpoint, EnvCodecKeysFile, EnvCodecKeys)
	}
	for _, o := range origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Scheme+"://"+u.Host != o {
			return nil, fmt.Errorf("%w: origin %q: want scheme://host:port, such as http://localhost:8233", ErrCodecEndpoint, o)
		}
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: address %q: want host:port, such as 127.0.0.1:8234", ErrCodecEndpoint, address)
	}
	token, here := os.Getenv(EnvCodecToken), isLoopback(host)
	if !here && token == "" {
		return nil, fmt.Errorf("%w: at %s others could read what is encrypted: set %s, or listen at 127.0.0.1", ErrCodecEndpoint, address, EnvCodecToken)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve the codec at %s: %w", address, err)
	}
	return &CodecEndpoint{
		listener: l, Keys: keys.IDs(),
		handler: &codec.Endpoint{Keys: keys, Origins: origins, Token: token, Any: !here},
	}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// URL is where it is asked.
func (e *CodecEndpoint) URL() string { return "http://" + e.listener.Addr().String() }

// Serve answers until ctx ends.
func (e *CodecEndpoint) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler: e.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // requests may end early
	defer stop()
	if err := server.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the codec: %w", err)
	}
	return nil
}
