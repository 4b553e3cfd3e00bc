package app

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
)

// ServerConfigured says whether Temporal's environment variables or a profile name a server.
// ErrConnectionSettings where they cannot be used.
func ServerConfigured() (bool, error) {
	settings, err := configured()
	return settings.HostPort != "", err
}

// Destination is the address and the namespace that Dial connects to.
func Destination(o DialOptions) (address, namespace string, err error) {
	settings, err := connectionSettings(o)
	return settings.HostPort, settings.Namespace, err
}

func connectionSettings(o DialOptions) (client.Options, error) {
	settings := client.Options{HostPort: o.Address}
	if o.Address == "" {
		var err error
		if settings, err = configured(); err != nil {
			return client.Options{}, err
		}
	}
	if settings.HostPort == "" {
		settings.HostPort = client.DefaultHostPort
	}
	if settings.Namespace == "" {
		settings.Namespace = client.DefaultNamespace
	}
	keys, err := LoadCodecKeys()
	if err != nil {
		return client.Options{}, err
	}
	settings.DataConverter, settings.FailureConverter = keys.DataConverter(), keys.FailureConverter()
	if o.Worker {
		settings.FailureConverter = keys.WorkerFailureConverter()
	}
	settings.Identity = o.Identity
	settings.MetricsHandler = o.Metrics.handler()
	settings.Logger = log.NewStructuredLogger(o.Logger)
	settings.ConnectionOptions.GetSystemInfoTimeout = attemptTimeout
	return settings, nil
}

// configured reads Temporal's own environment variables and TOML profile, those of the
// temporal program. No error quotes a value that may be a secret.
func configured() (client.Options, error) {
	if err := checkVariables(); err != nil {
		return client.Options{}, fmt.Errorf("%w: %w", ErrConnectionSettings, err)
	}
	settings, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return client.Options{}, fmt.Errorf("%w: %w", ErrConnectionSettings, withoutValues(err))
	}
	return settings, nil
}

// checkVariables refuses what Temporal's own reading takes silently for something else: a
// word that is neither true nor false would leave the connection without TLS, or a key in
// place of its path in an error message.
func checkVariables() error {
	for _, name := range []string{"TEMPORAL_TLS", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION"} {
		switch strings.ToLower(os.Getenv(name)) {
		case "", "0", "1", "false", "true":
		default:
			return fmt.Errorf("%s is neither true nor false", name)
		}
	}
	for _, name := range []string{"TEMPORAL_TLS_CLIENT_CERT", "TEMPORAL_TLS_CLIENT_KEY", "TEMPORAL_TLS_SERVER_CA_CERT"} {
		if strings.Contains(os.Getenv(name+"_PATH"), "-----BEGIN") {
			return fmt.Errorf("%s_PATH holds what belongs in %s_DATA: a path names the file", name, name)
		}
	}
	if strings.ContainsFunc(os.Getenv("TEMPORAL_API_KEY"), unprintable) {
		return errors.New("TEMPORAL_API_KEY has spaces, line ends or letters that no key has")
	}
	return nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// tomlError is how the TOML library says where a mistake is. What follows quotes the file,
// in which keys may stand.
var tomlError = regexp.MustCompile(`^(.*toml: line \d+(?: \(last key "[^"]*"\))?):`)

func withoutValues(err error) error {
	if m := tomlError.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s: not TOML, or not of the form of a profile", m[1])
	}
	return err
}
