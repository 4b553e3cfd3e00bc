package docs

import (
	"testing"

	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const page = "# Title\n" + // 1
	"Run `bin/starter`, read `docs/A.md` and `workflows/x.go:12`, not `artifacts/m.csv`.\n" +
	"```sh\n" + // 3
	"# a comment\n" +
	"make build\n" + // 5
	"starter run \\\n" +
	"  spec.yaml  # exit 3\n" +
	"cat > f <<'EOF'\n" + // 8
	"a: 1\n" +
	"EOF\n" +
	"echo 'it''s'\n" + // 11
	"```\n" +
	"```yaml\nrun: x\n```\n" +
	"```console\n" + // 16
	"$ starter list\n" +
	"nothing yet\n" +
	"```\n" +
	"```sh no-test: takes a day\n" + // 20
	"make soak\n" +
	"```\n" +
	"See [there](B.md#part), [the web](https://example.org) and `store/*.go`, `Makefile`.\n"

// Claim: commands are found with their lines, continuations, heredocs and expected statuses;
// other blocks are left alone.
func TestBlocks(t *testing.T) {
	blocks, err := Blocks("docs/P.md", page)
	require.NoError(t, err)
	require.Equal(t, []Block{
		{Page: "docs/P.md", Line: 3, Commands: []Command{
			{Line: 5, Text: "make build"},
			{Line: 6, Text: "starter run \\\n  spec.yaml", Exit: 3},
			{Line: 8, Text: "cat > f <<'EOF'\na: 1\nEOF"},
			{Line: 11, Text: "echo 'it''s'"},
		}},
		{Page: "docs/P.md", Line: 16, Commands: []Command{{Line: 17, Text: "starter list"}}},
		{Page: "docs/P.md", Line: 20, Untested: "takes a day", Commands: []Command{{Line: 21, Text: "make soak"}}},
	}, blocks)
}

// Claim: a python block is one program.
func TestPythonBlock(t *testing.T) {
	blocks, err := Blocks("P.md", "```python\nfor i in range(2):\n    print(i)\n```\n")
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	out, err := shell(t.Context(), t.TempDir(), nil, blocks[0].Script())
	require.NoError(t, err)
	require.Contains(t, out, "0\n1\n")
}

// Claim: a fence that never closes, a heredoc that never ends and a word after the language
// that nothing knows are errors with page and line.
func TestBlocksErrors(t *testing.T) {
	for text, want := range map[string]string{
		"```sh\nls\n":                "P.md:1: the fence is never closed",
		"\n```sh\ncat <<EOF\n```\n":  "P.md:3: the heredoc never ends in EOF",
		"```sh notest\nls\n```\n":    `P.md:1: "notest" after the language`,
		"```sh no-test:\nls\n```\n":  `P.md:1: "no-test:" after the language`,
		"```console x\n$ ls\n```\n ": `P.md:1: "x" after the language`,
	} {
		_, err := Blocks("P.md", text)
		require.ErrorContains(t, err, want)
	}
}

// Claim: the script runs every command in one shell, stops at the first unexpected status,
// and names its line.
func TestScript(t *testing.T) {
	b := Block{Page: "P.md", Commands: []Command{
		{Line: 1, Text: "here='a b'"},
		{Line: 2, Text: "(exit 4)", Exit: 4},
		{Line: 3, Text: `echo "it's $here"`},
		{Line: 4, Text: "(exit 7)"},
		{Line: 5, Text: "echo unreached"},
	}}
	out, err := shell(t.Context(), t.TempDir(), nil, b.Script())
	require.Error(t, err)
	require.Contains(t, out, "it's a b\n")
	require.Contains(t, out, "P.md:4: exit status 7, the page says 0")
	require.NotContains(t, out, "unreached\n+")
	require.NotContains(t, out, "P.md:5")
}

// Claim: inline code that starts at the repository's root and relative links are paths;
// output paths, web addresses and fenced text are not.
func TestMentions(t *testing.T) {
	top := []string{"bin", "docs", "workflows", "store"}
	require.Equal(t, []Mention{
		{2, "bin/starter"}, {2, "docs/A.md"}, {2, "workflows/x.go"},
		{23, "store/*.go"}, {23, "Makefile"}, {23, "docs/B.md"},
	}, Mentions("docs/P.md", page, top))
}

// Claim: a path exists if a file or folder matches it; the programs exist once built.
func TestExists(t *testing.T) {
	repository := fstest.MapFS{"store/store.go": {}}
	for p, want := range map[string]bool{
		"store": true, "store/*.go": true, "bin/worker": true, "store/s3": false, "store/*.md": false, "bin/other": false,
	} {
		require.Equal(t, want, Exists(repository, p), p)
	}
}
