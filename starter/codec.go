package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"everfold/internal/app"
)

func (p *program) codecCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "codec",
		Short: "make keys for encrypted histories, and show these to Temporal's Web UI and CLI",
		Long: `With keys in ` + app.EnvCodecKeysFile + ` or ` + app.EnvCodecKeys + `, starter and worker encrypt whatever
Temporal stores of a run: inputs, results, heartbeats, messages. docs/OPERATIONS.md, Encrypted
histories, says how.`,
		Args: aCommand,
		RunE: aCommand, // not reached: no argument is right
	}
	command.AddCommand(p.codecKeyCommand(), p.codecServeCommand())
	return command
}

func (p *program) codecKeyCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "key ID",
		Short: "print a new random key",
		Long: `Prints a line for the file of keys, ID:BASE64. The first line of the file encrypts, all lines
decrypt. Whoever has the key reads the histories: keep the file as you keep a password.`,
		Example: "  starter codec key 2026-11",
		Args:    exactArgs("ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := app.NewCodecKey(args[0])
			if err != nil {
				return usageError("such as 2026-11", "%w", err)
			}
			if p.json {
				return p.document(struct {
					Key string `json:"key"`
				}{key})
			}
			p.console.screen(false).printf("%s\n", key)
			return nil
		},
	}
	p.addJSON(command)
	return command
}

func (p *program) codecServeCommand() *cobra.Command {
	var listen string
	var origins []string
	command := &cobra.Command{
		Use:   "serve",
		Short: "decrypt histories for Temporal's Web UI and CLI on this machine",
		Long: `Answers the requests of Temporal's remote codecs, /decode and /encode, by the keys of this
environment, until Ctrl-C. The CLI is told by --codec-endpoint, the Web UI in its settings; --origin
names the pages of Web UIs that may ask. Other pages are refused. Beyond 127.0.0.1 it wants a token
in ` + app.EnvCodecToken + `, which the CLI sends by --codec-auth 'Bearer TOKEN'.`,
		Example: "  starter codec serve\n  starter codec serve --listen 127.0.0.1:8234 --origin https://temporal.example",
		Args:    exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			return p.serveCodec(command.Context(), listen, origins)
		},
	}
	command.Flags().StringVar(&listen, "listen", "127.0.0.1:8234", "host:port to answer at")
	command.Flags().StringSliceVar(&origins, "origin", []string{"http://localhost:8233", "http://127.0.0.1:8233"},
		"page of a Web UI that may ask, scheme://host:port, repeatable")
	p.addJSON(command)
	return command
}

func (p *program) serveCodec(ctx context.Context, listen string, origins []string) error {
	endpoint, err := app.ListenCodec(listen, origins)
	if err != nil {
		if errors.Is(err, app.ErrCodecEndpoint) {
			return usageError("starter codec serve --help says more", "%w", err)
		}
		return err
	}
	if p.json {
		err = p.document(struct {
			URL  string   `json:"url"`
			Keys []string `json:"keys"`
		}{endpoint.URL(), endpoint.Keys})
	} else {
		p.console.screen(false).printf("%s decrypts for Temporal's Web UI and CLI until Ctrl-C, by %s\n  temporal workflow show --codec-endpoint %s --workflow-id …\n",
			endpoint.URL(), countOf(len(endpoint.Keys), "key"), endpoint.URL())
	}
	if err != nil {
		return err
	}
	return endpoint.Serve(ctx)
}

// keysOf are the keys of a connection; nil, which reads what is not encrypted, of any other
// client.
func keysOf(c client.Client) *app.CodecKeys {
	if l, ok := c.(*link); ok {
		return l.keys
	}
	return nil
}
