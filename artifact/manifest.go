package artifact

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"

	"everfold/store"
)

const manifestFormat = 1

// File describes a stored payload.
type File struct {
	Key    string `json:"key"` // within the run's folder
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	DType  string `json:"dtype"` // NumPy's: <f8, <f4, <i8
	Shape  []int  `json:"shape"`
}

var digest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// check refuses what is no description of a file. The zero value is one that says nothing.
func (f File) check() error {
	if f.Key == "" && f.SHA256 == "" {
		return nil
	}
	if err := store.CheckKey(f.Key); err != nil {
		return err
	}
	if f.Bytes < 0 || !digest.MatchString(f.SHA256) {
		return fmt.Errorf("%s has %d bytes and the digest %.80q", f.Key, f.Bytes, f.SHA256)
	}
	return nil
}

// Scores are the metrics of one fold; nil is undefined.
type Scores struct {
	CIndex        *float64 `json:"cindex,omitempty"` // the one that metrics.cindex names
	IBS           *float64 `json:"ibs,omitempty"`
	CIndexHarrell *float64 `json:"cindex_harrell,omitempty"`
	CIndexIPCW    *float64 `json:"cindex_ipcw,omitempty"`
	AUCMean       *float64 `json:"auc_mean,omitempty"`
	IPA           *float64 `json:"ipa,omitempty"`
}

// Warning is what a log record of that category says about the fold.
type Warning struct {
	Category string `json:"category"`
	Message  string `json:"message"`
}

// PHTest is one proportional-hazards test of an unpenalised Cox fit; nil is undefined.
type PHTest struct {
	Term      string   `json:"term"` // a source column, or GLOBAL
	Transform string   `json:"transform"`
	Chisq     *float64 `json:"chisq,omitempty"`
	DF        int      `json:"df"`
	P         *float64 `json:"p,omitempty"`
}

// Manifest is the truth about one complete (model, fold). It is written after every file
// it lists.
type Manifest struct {
	Format int    `json:"format"`
	Model  string `json:"model"`
	Type   string `json:"type"`
	Fold   int    `json:"fold"`
	Repeat int    `json:"repeat"`

	FitFingerprint   string `json:"fit_fingerprint"`
	ScoreFingerprint string `json:"score_fingerprint"`
	FitInputs        Inputs `json:"fit_inputs"` // what FitFingerprint is the digest of
	Files            []File `json:"files"`      // risk, then survival

	Scores  Scores            `json:"metrics"`
	Reasons map[string]string `json:"reasons,omitempty"` // metric column → why it is undefined
	Details *Details          `json:"metric_details,omitempty"`

	TrainRows   int `json:"n_train"`
	TestRows    int `json:"n_test"`
	TrainEvents int `json:"events_train"`
	TestEvents  int `json:"events_test"`

	FitSeconds     float64 `json:"fit_seconds"`
	PredictSeconds float64 `json:"predict_seconds"`
	FinishedAt     int64   `json:"finished_at"` // Unix milliseconds; the tracker's timestamp

	Coefficients []Coefficient `json:"coefficients,omitempty"` // of linear models
	ModelTests   []ModelTest   `json:"model_tests,omitempty"`  // of Cox models
	PHTests      []PHTest      `json:"ph_tests,omitempty"`     // of the training rows
	Explanation  *Explanation  `json:"explanation,omitempty"`

	OutOfBag *OutOfBag `json:"out_of_bag,omitempty"` // of forests

	Converged  bool      `json:"converged"`
	Iterations int       `json:"iterations,omitempty"`
	Warnings   []Warning `json:"warnings,omitempty"`
	Attempt    int       `json:"attempt"`
	Worker     string    `json:"worker,omitempty"`
	Build      string    `json:"build"`
	GOARCH     string    `json:"goarch"`
	Forced     bool      `json:"forced,omitempty"`     // fitted again on request
	Supersedes string    `json:"supersedes,omitempty"` // digest of the manifest it replaced

	SHA256 string `json:"sha256"` // of this document's compact JSON with this value empty; last key
}

func (m *Manifest) seal() *string { return &m.SHA256 }

// Encode sets Format and SHA256 and returns the manifest's bytes. Equal manifests give
// equal bytes. It fails where a number is not finite.
func (m *Manifest) Encode() ([]byte, error) {
	m.Format = manifestFormat
	for _, v := range []*float64{m.Scores.CIndex, m.Scores.IBS, m.Scores.CIndexHarrell, m.Scores.CIndexIPCW,
		m.Scores.AUCMean, m.Scores.IPA, &m.FitSeconds, &m.PredictSeconds} {
		if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
			return nil, fmt.Errorf("encode manifest of %s fold %d: a metric or time is not finite", m.Model, m.Fold)
		}
	}
	content, err := encode(m)
	if err != nil {
		return nil, fmt.Errorf("encode manifest of %s fold %d: %w", m.Model, m.Fold, err)
	}
	return content, nil
}

// DecodeManifest reads a manifest and checks it against its own digest: one changed digit
// is found. Errors wrap ErrDamaged.
func DecodeManifest(content []byte) (*Manifest, error) {
	if len(content) > maxJSON {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrDamaged, len(content), maxJSON)
	}
	m := &Manifest{}
	if err := decode(content, m); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// ReadManifest reads the manifest of (model, fold) and checks its digest and that it is
// of this model and fold and lists their files; it does not look at the files (Verify
// does). The ETag is returned even with ErrDamaged, for replacing what is in place.
// ErrNotFound where there is none.
func ReadManifest(ctx context.Context, s store.Store, model string, fold int) (*Manifest, string, error) {
	m := &Manifest{}
	etag, err := readSealed(ctx, s, ManifestKey(model, fold), m)
	if err == nil {
		err = m.check()
	}
	if err == nil {
		err = m.belongs(model, fold)
	}
	if errors.Is(err, ErrDamaged) {
		return nil, etag, fmt.Errorf("manifest of %s fold %d: %w", model, fold, err)
	}
	if err != nil {
		return nil, "", err
	}
	return m, etag, nil
}

func (m *Manifest) check() error {
	if m.Format != manifestFormat {
		return fmt.Errorf("%w: manifest format %d, this program reads %d", ErrDamaged, m.Format, manifestFormat)
	}
	for _, f := range m.Files {
		if err := f.check(); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return nil
}

// belongs finds a whole manifest in another one's place.
func (m *Manifest) belongs(model string, fold int) error {
	if m.Model != model || m.Fold != fold {
		return fmt.Errorf("%w: it is the manifest of %s fold %d", ErrDamaged, m.Model, m.Fold)
	}
	keys := []string{RiskKey(model, fold), SurvKey(model, fold)}
	if !slices.EqualFunc(m.Files, keys, func(f File, key string) bool { return f.Key == key }) {
		return fmt.Errorf("%w: it does not list exactly the risk and survival file of its fold", ErrDamaged)
	}
	return nil
}

// Verify streams every file that the manifest lists and compares size and SHA-256. A file
// that is missing or differs gives an error that names it and wraps ErrDamaged; any other
// error is the store's.
func Verify(ctx context.Context, s store.Store, m *Manifest) error {
	for _, file := range m.Files {
		err := store.Verify(ctx, s, file.Key, file.Bytes, file.SHA256)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sameResult says whether two manifests describe the same fit: equal fingerprint and files.
func (m *Manifest) sameResult(other *Manifest) bool {
	return m.FitFingerprint == other.FitFingerprint &&
		slices.EqualFunc(m.Files, other.Files, func(a, b File) bool {
			return a.Key == b.Key && a.SHA256 == b.SHA256 && a.Bytes == b.Bytes
		})
}
