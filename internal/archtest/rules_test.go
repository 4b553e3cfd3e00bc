package archtest

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// tree makes a source tree from pairs of path and content.
func tree(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func load(t *testing.T, pairs ...string) []File {
	t.Helper()
	files, err := Load(tree(pairs...))
	require.NoError(t, err)
	return files
}

// Claim: the import rule bites on each kind of violation and on nothing else.
func TestImportRule(t *testing.T) {
	for _, c := range []struct{ name, path, imports, want string }{
		{"allowed", "artifact/plan.go", "everfold/store", ""},
		{"allowed below", "activities/fit.go", "everfold/survival/cox", ""},
		{"the base of a subtree", "survival/registry/registry.go", "everfold/survival", ""},
		{"a leaf of survival", "survival/cox/file.go", "everfold/survival/modelfile", ""},
		{"a leaf imports survival only", "survival/modelfile/file.go", "everfold/survival/cox", "survival/* may import survival"},
		{"a leaf elsewhere", "dataset/read.go", "everfold/survival/modelfile", "dataset may import survival"},
		{"none of ours", "config/spec.go", "everfold/survival", "config may import none of ours"},
		{"not transitive", "workflows/train.go", "everfold/store", "workflows may import config, activities"},
		{"unknown package", "magic/magic.go", "fmt", "package magic is not in the table"},
		{"root package", "main.go", "fmt", "package . is not in the table"},
		{"the module's own tests may", "activities/fit_test.go", "everfold/store/local", ""},
		{"test double in a test", "activities/fit_test.go", "everfold/store/storetest", ""},
		{"test double outside", "activities/fit.go", "everfold/store/storetest", "for tests only"},
		{"test suites may all", "testsuite/crash/crash.go", "everfold/store/storetest", ""},
		{"survival's tests stay inside", "survival/cox/fit_test.go", "everfold/dataset", "leaf library"},
		{"survival's tests may more inside", "survival/cox/fit_test.go", "everfold/survival/metric", ""},
		{"other modules are not ours", "config/spec.go", "everfoldish/store", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := CheckImports(load(t, c.path, "package x\nimport _ \""+c.imports+"\"\n"))
			if c.want == "" {
				require.Empty(t, bad)
				return
			}
			require.Len(t, bad, 1)
			require.Contains(t, bad[0], c.want)
			require.Contains(t, bad[0], c.path)
		})
	}
}

// Claim: limits are inclusive, count tests, and name file, function and length.
func TestSizeRule(t *testing.T) {
	function := func(lines int) string { return "func f() {\n" + strings.Repeat("\n", lines-2) + "}\n" }
	files := load(t,
		"a/fits.go", "package a\n"+function(70)+strings.Repeat("\n", 500-71),
		"a/long.go", "package a\n"+strings.Repeat("\n", 500),
		"a/deep_test.go", "package a\n\n"+function(71),
		"a/testdata/x.go", strings.Repeat("\n", 900),
		"tools/x.go", strings.Repeat("\n", 900),
	)
	require.Equal(t, []string{
		"a/deep_test.go:3: f has 71 lines, at most 70 are allowed",
		"a/long.go: 501 lines, at most 500 are allowed",
	}, CheckSizes(files))
}

// Claim: each thing that lacks its comment is named once, and nothing that has one.
func TestCommentRule(t *testing.T) {
	files := load(t, "a/a.go", `package a

type T struct{}

func (T) Method() {}
func (*T) Error() string { return "" }
func (t) Hidden() {}
func (G[K]) Generic() {}
func Func() {}
func private() {}

// Documented is.
type Documented int

type (
	// Inner is.
	Inner int
	G[K any] struct{}
)

// The sizes.
const A, B = 1, 2

var (
	C = 1 // said
	D = 2
)

type t int // TO`+`DO: finish
`, "b/doc.go", "// Package b is.\npackage b\n", "b/b.go", "package b\n", "util/u.go", "// Package util is.\npackage util\n")
	require.Equal(t, []string{
		"a/a.go:29: TO" + "DO in a comment",
		"a/a.go:3: type T has no comment",
		"a/a.go:5: Method has no comment",
		"a/a.go:8: Generic has no comment",
		"a/a.go:9: Func has no comment",
		"a/a.go:18: type G has no comment",
		"a/a.go:26: D has no comment",
		"util/u.go: a package named util says nothing",
		"a: no package comment",
	}, CheckComments(files))
}

// Claim: a test without a claim is found; one with it, above or inside, is not.
func TestClaimRule(t *testing.T) {
	files := load(t, "a/a_test.go", `// Package a is.
package a

func TestBare(t *testing.T) { run() }

// Claim: above.
func TestAbove(t *testing.T) { run() }

func FuzzInside(f *testing.F) {
	// Claim: inside.
	run()
}

func FuzzBare(f *testing.F) {
	run() // too late
}

func BenchmarkNeedsNone(b *testing.B) { run() }

func TestMain(m *testing.M) {}
func helper() {}
`)
	require.Equal(t, []string{
		"a/a_test.go:4: TestBare does not open with its claim",
		"a/a_test.go:14: FuzzBare does not open with its claim",
	}, CheckComments(files))
}

// Claim: each ban bites where it holds and only there.
func TestForbiddenRule(t *testing.T) {
	const env = "package x\nimport \"os\"\nvar v = os.Getenv(\"A\")\n"
	for _, c := range []struct{ name, path, src, want string }{
		{"randomness", "survival/cox/x.go", "package x\nimport \"math/rand/v2\"\n", "randomness"},
		{"randomness v1", "dataset/x.go", "package x\nimport \"math/rand\"\n", "randomness"},
		{"randomness at its home", "survival/resample/x.go", "package x\nimport \"math/rand/v2\"\n", ""},
		{"randomness in a test", "survival/cox/x_test.go", "package x\nimport \"math/rand/v2\"\n", ""},
		{"randomness for tests only", "survival/survtest/x.go", "package x\nimport \"math/rand/v2\"\n", ""},
		{"environment", "config/x.go", env, "config/x.go:3: os.Getenv"},
		{"environment at the edge", "worker/x.go", env, ""},
		{"other names of os", "config/x.go", "package x\nimport \"os\"\nvar v = os.Args\n", ""},
		{"printing", "store/x.go", "package x\nimport f \"fmt\"\nfunc g() { f.Println() }\n", "f.Println"},
		{"printing to a stream", "store/x.go", "package x\nimport \"fmt\"\nfunc g() { fmt.Fprintln(nil) }\n", ""},
		{"old log", "store/x.go", "package x\nimport \"log\"\n", "log/slog"},
		{"sleeping in a test", "store/x_test.go", "package x\nimport \"time\"\nfunc g() { time.Sleep(1) }\n", "wait for the event"},
		{"skipping", "store/x_test.go", "package x\nfunc g(t T) { t.Skipf(\"no\") }\n", "nothing skips"},
		{"rapid draws again", "store/x_test.go", "package x\nfunc g(rt T) { rt.Skip() }\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := CheckForbidden(load(t, c.path, c.src))
			if c.want == "" {
				require.Empty(t, bad)
				return
			}
			require.Len(t, bad, 1)
			require.Contains(t, bad[0], c.want)
		})
	}
}

// Claim: an unexplained dependency and an outdated explanation are both named; indirect
// ones need none; a missing section is said.
func TestDependencyRule(t *testing.T) {
	const goMod = "module m\n\nrequire example.org/one v1.0.0\n\nrequire (\n\texample.org/two v1.2.0\n\texample.org/far v0.1.0 // indirect\n)\n"
	const decisions = "# D\n\n## Dependencies\n\n- `example.org/two`: because nothing else does this.\n- `example.org/old`: was needed once, long ago.\n\n## Next\n\n- `example.org/one`: in the wrong section of this page.\n"
	require.Equal(t, []string{
		"docs/DECISIONS.md: no line for the dependency example.org/one",
		"docs/DECISIONS.md: example.org/old is not a direct dependency",
	}, CheckDependencies(goMod, decisions))
	require.Equal(t, []string{"docs/DECISIONS.md: no section ## Dependencies"}, CheckDependencies(goMod, "# D\n"))
}

// Claim: a testdata folder needs the note, or each of its folders does; the fuzzer's not.
func TestProvenanceRule(t *testing.T) {
	bad, err := CheckProvenance(tree(
		"a/testdata/x.json", "", "b/testdata/x.json", "", "b/testdata/PROVENANCE.md", "",
		"c/testdata/one/x", "", "c/testdata/one/PROVENANCE.md", "", "c/testdata/fuzz/FuzzX/1", "",
		"d/testdata/one/x", "", ".cache/testdata/x", "", "outputs/testdata/x", "",
	))
	require.NoError(t, err)
	require.Equal(t, []string{
		"a/testdata: no PROVENANCE.md says tool, version, command and seed",
		"d/testdata: no PROVENANCE.md says tool, version, command and seed",
	}, bad)
}

// Claim: a missing root entry and a file that is not Go are errors with their names.
func TestTreeErrors(t *testing.T) {
	require.Contains(t, CheckTopLevel(tree("go.mod", "")), "Makefile: missing at the root")
	_, err := Load(tree("a/a.go", "not go"))
	require.ErrorContains(t, err, "a/a.go")
}
