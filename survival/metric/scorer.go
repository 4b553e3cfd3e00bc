package metric

// Scorer scores any of one fold's test rows, for bootstrap samples of them: Ĝ is estimated
// once.
type Scorer struct {
	fold      Fold
	cfg       Config
	g         weighing
	noWeights error // why there is no g
}

// NewScorer prepares a fold. Surv may be nil where only CIndex is called. It panics as
// [Evaluate] does; an error names a prediction that is not allowed.
func NewScorer(f Fold, cfg Config) (*Scorer, error) {
	if err := checkScored(f, cfg); err != nil {
		return nil, err
	}
	f.Train, f.Test = unitWeights(f.Train), unitWeights(f.Test)
	s := &Scorer{fold: f, cfg: cfg}
	s.g, s.noWeights = newWeighing(f.Train, f.Test, cfg.Convention)
	return s, nil
}

// Predicting is the scorer of other predictions of the same rows; errors and panics are
// those of NewScorer.
func (s *Scorer) Predicting(risk []float64, surv []float32) (*Scorer, error) {
	other := *s
	other.fold.Risk, other.fold.Surv = risk, surv
	if err := checkScored(other.fold, s.cfg); err != nil {
		return nil, err
	}
	return &other, nil
}

// checkScored is checkFold, but curves may be nil.
func checkScored(f Fold, cfg Config) error {
	if f.Surv == nil {
		f.Surv = make([]float32, f.Test.Len()*len(f.Times))
	}
	return checkFold(f, cfg)
}

// CIndex is the concordance that Config.CIndex names over the given test rows, which may
// repeat: a row that occurs twice weighs twice. *Undefined as of [Harrell] and [Uno].
func (s *Scorer) CIndex(rows []int) (float64, error) {
	y, risk := s.fold.Test.Take(rows), make([]float64, len(rows))
	for k, i := range rows {
		risk[k] = s.fold.Risk[i]
	}
	if s.cfg.CIndex == CIndexHarrell {
		return Harrell(y, risk, s.cfg.Convention).Index()
	}
	if s.noWeights != nil {
		return 0, s.noWeights
	}
	pairs, err := s.g.take(rows).uno(y, risk, s.cfg.Tau, s.cfg.Convention)
	if err != nil {
		return 0, err
	}
	return pairs.Index()
}

// IBS is the integrated Brier score over the given test rows, which may repeat. *Undefined
// as of [Brier], and without rows. It panics where the fold has no Surv.
func (s *Scorer) IBS(rows []int) (float64, error) {
	if s.fold.Surv == nil {
		panic("metric: the fold of the Scorer has no curves")
	}
	if s.noWeights != nil {
		return 0, s.noWeights
	}
	if len(rows) == 0 {
		return 0, &Undefined{ReasonNoRow}
	}
	m := len(s.fold.Times)
	b, curve := newBrier(s.g.take(rows), s.fold.Test.Take(rows), s.fold.Times), make([]float64, m)
	for k, i := range rows {
		for j, v := range s.fold.Surv[i*m : (i+1)*m] {
			curve[j] = float64(v)
		}
		if err := b.Add(k, curve); err != nil {
			return 0, err
		}
	}
	scores, err := b.Curve()
	if err != nil {
		return 0, err
	}
	return Integrate(s.fold.Times, scores), nil
}
